/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/ui/screens.c — makes states of the window, takes their pictures and looks at what a person could use.
 *
 *   screens [--css FILE] [--font NAME] [--catalogue FOLDER] [--out FOLDER] STATE[=NAME]…
 *
 * For each state, as TAP: everything that can be used has a name, no mnemonic stands twice, Tab comes to everything. */
#include <glib/gi18n-lib.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ui/states.h"
#include "ui/dialog-private.h"
#include "ui/widgets.h"

static char *css, *font, *catalogue, *out, *pseudo;
static double contrast;
static gboolean rtl;
static const GOptionEntry entries[] = { { "css", 0, 0, G_OPTION_ARG_FILENAME, &css, NULL, NULL },
                                        { "font", 0, 0, G_OPTION_ARG_STRING, &font, NULL, NULL },
                                        { "catalogue", 0, 0, G_OPTION_ARG_FILENAME, &catalogue, NULL, NULL },
                                        { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
                                        { "rtl", 0, 0, G_OPTION_ARG_NONE, &rtl, NULL, NULL },
                                        { "contrast", 0, 0, G_OPTION_ARG_DOUBLE, &contrast, NULL, NULL },
                                        { "pseudo", 0, 0, G_OPTION_ARG_STRING, &pseudo, NULL, NULL },
                                        G_OPTION_ENTRY_NULL };
static guint n_points, n_failed;

static void
point (const char *state, const char *what, GPtrArray *faults)
{
  for (guint k = 0; k < faults->len; k++)
    g_print ("# %s\n", (char *) faults->pdata[k]);
  n_failed += faults->len > 0;
  g_print ("%sok %u - /ui/screens/%s/%s\n", faults->len ? "not " : "", ++n_points, state, what);
}

static gboolean
seen (GtkWidget *widget)
{
  return gtk_widget_get_mapped (widget) && gtk_widget_get_child_visible (widget);
}

static gboolean
usable (GtkWidget *widget)
{
  return !GTK_IS_SCROLLBAR (widget)
         && (GTK_IS_BUTTON (widget) || GTK_IS_ENTRY (widget) || GTK_IS_TEXT_VIEW (widget) || GTK_IS_COMBO_BOX (widget)
             || GTK_IS_RANGE (widget) || GTK_IS_DRAWING_AREA (widget) || GTK_IS_SWITCH (widget));
}

/* Parts of one control that GTK makes itself: the arrow of a combo box. */
static gboolean
part_of_combo (GtkWidget *widget)
{
  GtkWidget *combo = gtk_widget_get_ancestor (widget, GTK_TYPE_COMBO_BOX);

  return combo && combo != widget && !GTK_IS_ENTRY (widget);
}

typedef struct
{
  GPtrArray *unnamed, *mnemonics, *untranslated, *focusable, *pale;
  GHashTable *letters;
} Crawl;

/* The name as a screen reader would get it. */
static char *
name_of (GtkWidget *widget)
{
  AtkObject *accessible = gtk_widget_get_accessible (widget);
  const char *name = atk_object_get_name (accessible);

  if (name && *name)
    return g_strdup (name);
  g_autoptr (AtkRelationSet) relations = atk_object_ref_relation_set (accessible);
  AtkRelation *label = atk_relation_set_get_relation_by_type (relations, ATK_RELATION_LABELLED_BY);
  GPtrArray *targets = label ? atk_relation_get_target (label) : NULL;
  if (targets && targets->len)
    return g_strdup (atk_object_get_name (targets->pdata[0]));
  return NULL;
}

/* Every letter must be within the brackets of some message; of what is not for translation the letters do not count. */
static void
check_translated (Crawl *crawl, const char *text)
{
  /* What people typed or called so, and names. */
  static const char *const names[] = { "sloop.jpg",
                                       "harbour.xcf",
                                       "HARBOUR LIGHTS",
                                       "Sundays, 7 pm",
                                       "NVIDIA GeForce RTX 4060",
                                       "RTX 4060",
                                       "Qwen-Image Edit 2511",
                                       "Qwen-Image Layered",
                                       "Demo model",
                                       "Foto",
                                       "Photo",
                                       "Sfumato" };
  g_autoptr (GString) rest = g_string_new (text);
  int depth = 0;

  for (guint k = 0; k < G_N_ELEMENTS (names); k++)
    g_string_replace (rest, names[k], "", 0);
  for (const char *at = rest->str; *at; at = g_utf8_next_char (at))
    {
      const gunichar c = g_utf8_get_char (at);
      depth += c == 0x27E6 ? 1 : c == 0x27E7 ? -1 : 0;
      if (depth == 0 && g_unichar_isalpha (c))
        {
          g_ptr_array_add (crawl->untranslated, g_strdup_printf ("not translated: “%s”", text));
          return;
        }
    }
}

static double
linear (double v)
{
  return v <= 0.04045 ? v / 12.92 : pow ((v + 0.055) / 1.055, 2.4);
}

static double
luminance (const GdkRGBA *c)
{
  return 0.2126 * linear (c->red) + 0.7152 * linear (c->green) + 0.0722 * linear (c->blue);
}

static void
over (GdkRGBA *below, const GdkRGBA *above, double alpha)
{
  below->red += (above->red - below->red) * alpha;
  below->green += (above->green - below->green) * alpha;
  below->blue += (above->blue - below->blue) * alpha;
}

/* What is painted behind a widget, from the window up. */
static void
paper_of (GtkWidget *widget, GdkRGBA *paper)
{
  GtkWidget *parent = gtk_widget_get_parent (widget);
  GtkStyleContext *style = gtk_widget_get_style_context (widget);
  GdkRGBA own;

  if (parent)
    paper_of (parent, paper);
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  gtk_style_context_get_background_color (style, gtk_style_context_get_state (style), &own);
  G_GNUC_END_IGNORE_DEPRECATIONS
  over (paper, &own, own.alpha);
}

/* Contrast of a label as WCAG counts it; text on the picture itself has a dark ground of its own. */
static void
check_contrast (Crawl *crawl, GtkWidget *label)
{
  GtkStyleContext *style = gtk_widget_get_style_context (label);
  GdkRGBA paper = { 1, 1, 1, 1 }, ink, seen;
  double opacity = 1;

  if (gtk_style_context_has_class (style, "sf-osd") || !gtk_widget_is_sensitive (label)
      || !*gtk_label_get_text (GTK_LABEL (label)))
    return;
  for (GtkWidget *at = label; at; at = gtk_widget_get_parent (at))
    {
      double own = 1;
      gtk_style_context_get (gtk_widget_get_style_context (at),
                             gtk_style_context_get_state (gtk_widget_get_style_context (at)), "opacity", &own, NULL);
      opacity *= own;
    }
  paper_of (label, &paper);
  gtk_style_context_get_color (style, gtk_style_context_get_state (style), &ink);
  seen = paper;
  over (&seen, &ink, ink.alpha * opacity);
  const double a = luminance (&seen) + 0.05, b = luminance (&paper) + 0.05, ratio = MAX (a, b) / MIN (a, b);
  if (ratio < contrast)
    g_ptr_array_add (crawl->pale, g_strdup_printf ("%.2f:1 for “%s”", ratio, gtk_label_get_text (GTK_LABEL (label))));
}

static void
crawl_widget (GtkWidget *widget, gpointer data)
{
  Crawl *crawl = data;

  if (!seen (widget))
    return;
  if (usable (widget) && !part_of_combo (widget) && !GTK_IS_SPIN_BUTTON (gtk_widget_get_parent (widget)))
    {
      g_autofree char *name = name_of (widget);
      if (!name || !*name)
        g_ptr_array_add (crawl->unnamed, g_strdup_printf ("%s has no name", G_OBJECT_TYPE_NAME (widget)));
      else if (pseudo && !GTK_IS_TEXT_VIEW (widget))
        check_translated (crawl, name);
    }
  if (gtk_widget_get_can_focus (widget) && gtk_widget_is_sensitive (widget) && usable (widget))
    g_ptr_array_add (crawl->focusable, widget);
  if (GTK_IS_LABEL (widget))
    {
      const guint keyval = gtk_label_get_mnemonic_keyval (GTK_LABEL (widget));
      if (pseudo)
        check_translated (crawl, gtk_label_get_text (GTK_LABEL (widget)));
      if (contrast > 0)
        check_contrast (crawl, widget);
      if (keyval != GDK_KEY_VoidSymbol && gtk_widget_is_sensitive (widget))
        {
          const char *before = g_hash_table_lookup (crawl->letters, GUINT_TO_POINTER (keyval));
          if (before)
            g_ptr_array_add (crawl->mnemonics, g_strdup_printf ("“%s” and “%s” share a mnemonic", before,
                                                                gtk_label_get_label (GTK_LABEL (widget))));
          g_hash_table_insert (crawl->letters, GUINT_TO_POINTER (keyval),
                               (gpointer) gtk_label_get_label (GTK_LABEL (widget)));
        }
    }
  if (GTK_IS_CONTAINER (widget))
    gtk_container_forall (GTK_CONTAINER (widget), crawl_widget, data);
}

static void
prompt_letter (Crawl *crawl)
{
  const char *label = _ ("Prom_pt");
  const char *at = strchr (label, '_');

  g_hash_table_insert (crawl->letters,
                       GUINT_TO_POINTER (gdk_keyval_to_lower (gdk_unicode_to_keyval (g_utf8_get_char (at + 1)))),
                       (gpointer) label);
}

/* Goes through the window by Tab, and looks for what was not come to. Of a radio row only the active one is a stop. */
static void
check_tab (GtkWidget *window, Crawl *crawl, GPtrArray *faults)
{
  g_autoptr (GHashTable) visited = g_hash_table_new (NULL, NULL);

  for (guint k = 0; k < 200; k++)
    {
      GtkWidget *focus = gtk_window_get_focus (GTK_WINDOW (window));
      if (focus)
        g_hash_table_add (visited, focus);
      g_signal_emit_by_name (window, "move-focus", GTK_DIR_TAB_FORWARD);
    }
  for (guint k = 0; k < crawl->focusable->len; k++)
    {
      GtkWidget *widget = crawl->focusable->pdata[k];
      g_autofree char *name = name_of (widget);
      if (!g_hash_table_contains (visited, widget) && !part_of_combo (widget) && !GTK_IS_COMBO_BOX (widget)
          && !gtk_widget_get_ancestor (widget, GTK_TYPE_POPOVER)
          && !(GTK_IS_RADIO_BUTTON (widget)
               && !gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (widget)))) /* by arrows */
        g_ptr_array_add (
            faults, g_strdup_printf ("Tab does not come to %s “%s”", G_OBJECT_TYPE_NAME (widget), name ? name : ""));
    }
}

static void
look (QiState *state, const char *name)
{
  Crawl crawl = { g_ptr_array_new_with_free_func (g_free), g_ptr_array_new_with_free_func (g_free),
                  g_ptr_array_new_with_free_func (g_free), g_ptr_array_new (),
                  g_ptr_array_new_with_free_func (g_free), g_hash_table_new (NULL, NULL) };
  g_autoptr (GPtrArray) tab = g_ptr_array_new_with_free_func (g_free);

  if (!g_str_has_suffix (name, "models"))
    prompt_letter (&crawl);
  crawl_widget (state->window, &crawl);
  point (name, "names", crawl.unnamed);
  point (name, "mnemonics", crawl.mnemonics);
  if (pseudo)
    point (name, "translated", crawl.untranslated);
  if (contrast > 0)
    point (name, "contrast", crawl.pale);
  g_ptr_array_unref (crawl.pale);
  check_tab (state->window, &crawl, tab);
  point (name, "tab", tab);
  g_ptr_array_unref (crawl.unnamed);
  g_ptr_array_unref (crawl.mnemonics);
  g_ptr_array_unref (crawl.untranslated);
  g_ptr_array_unref (crawl.focusable);
  g_hash_table_unref (crawl.letters);
}

static void
take_picture (GtkWidget *window, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".png", NULL), *path = g_build_filename (out, file, NULL);
  GdkWindow *gdk = gtk_widget_get_window (window);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);

  /* From the screen, pop-overs included. */
  int x, y;
  gdk_window_get_origin (gdk, &x, &y);
  g_autoptr (GdkPixbuf) picture = gdk_pixbuf_get_from_window (gdk_get_default_root_window (), x, y,
                                                              gdk_window_get_width (gdk), gdk_window_get_height (gdk));
  if (!picture || !gdk_pixbuf_save (picture, path, "png", &error, "compression", "9", NULL))
    g_ptr_array_add (faults, g_strdup (error ? error->message : "no picture"));
  point (name, "picture", faults);
}

/* -- the keyboard ------------------------------------------------------------------------------------ */

static void
press (QiState *state, guint keyval, GdkModifierType modifiers)
{
  GdkDisplay *display = gtk_widget_get_display (state->window);
  GdkKeymapKey *keys = NULL;
  int n = 0;

  gdk_keymap_get_entries_for_keyval (gdk_keymap_get_for_display (display), keyval, &keys, &n);
  for (int down = 1; down >= 0; down--)
    {
      GdkEvent *event = gdk_event_new (down ? GDK_KEY_PRESS : GDK_KEY_RELEASE);
      event->key.window = g_object_ref (gtk_widget_get_window (state->window));
      event->key.keyval = keyval;
      event->key.state = modifiers;
      event->key.hardware_keycode = n ? keys[0].keycode : 0;
      event->key.time = GDK_CURRENT_TIME;
      event->key.send_event = TRUE;
      gdk_event_set_device (event, gdk_seat_get_keyboard (gdk_display_get_default_seat (display)));
      gtk_main_do_event (event);
      gdk_event_free (event);
    }
  g_free (keys);
  qi_state_settle ();
}

static void
expect (GPtrArray *faults, gboolean holds, const char *what)
{
  if (!holds)
    g_ptr_array_add (faults, g_strdup (what));
}

static gboolean
has_results (gpointer data)
{
  return qi_session_state (((QiState *) data)->session) == QI_SESSION_RESULTS;
}

/* Nothing but keys: start, cancel, start, choose the second of two, compare, star, keep. */
static void
walk (void)
{
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);
  QiState *state = qi_state_new ("a");
  QiSession *session = state->session;

  qi_session_set (session, "results", "2");
  press (state, GDK_KEY_Return, 0);
  expect (faults, qi_fake_job (state->client) == 1, "Enter in the prompt starts");
  press (state, GDK_KEY_Escape, 0);
  qi_state_settle ();
  expect (faults, qi_session_state (session) == QI_SESSION_IDLE, "Esc cancels");
  expect (faults, gtk_widget_get_visible (state->window), "Esc closes no window");
  g_usleep (600 * 1000); /* a press within half a second is the same one */
  press (state, GDK_KEY_Return, GDK_CONTROL_MASK);
  expect (faults, qi_fake_job (state->client) == 2, "Ctrl+Enter starts");
  qi_fake_finish (state->client, NULL);
  for (guint k = 0; k < 4000 && qi_fake_job (state->client) != 3; k++)
    {
      g_main_context_iteration (NULL, FALSE);
      g_usleep (1000);
    }
  qi_fake_finish (state->client, NULL);
  qi_fake_wait (has_results, state);
  qi_state_settle ();
  expect (faults, GTK_IS_TEXT_VIEW (gtk_window_get_focus (GTK_WINDOW (state->window))),
          "results leave the focus where it is");
  for (guint k = 0; k < 4 && GTK_IS_TEXT_VIEW (gtk_window_get_focus (GTK_WINDOW (state->window))); k++)
    press (state, GDK_KEY_Down, 0);
  expect (faults, GTK_IS_RADIO_BUTTON (gtk_window_get_focus (GTK_WINDOW (state->window))),
          "Down in the last line goes to the strip");
  expect (faults, qi_session_shown (session) == 0, "the first result is shown");
  press (state, GDK_KEY_Right, 0);
  expect (faults, qi_session_shown (session) == 1, "Right shows the second");
  expect (faults,
          GTK_IS_RADIO_BUTTON (gtk_window_get_focus (GTK_WINDOW (state->window)))
              && gtk_toggle_button_get_active (GTK_TOGGLE_BUTTON (gtk_window_get_focus (GTK_WINDOW (state->window)))),
          "and the focus follows");
  press (state, GDK_KEY_s, 0);
  expect (faults, qi_session_starred (session, 1), "S stars it");
  press (state, GDK_KEY_Home, 0);
  expect (faults, qi_session_shown (session) == 0, "Home shows the first");
  press (state, GDK_KEY_Delete, 0);
  expect (faults, qi_session_n_results (session) == 1, "Del drops it");
  const guint layers = qi_fake_host_n_layers (state->host, state->image);
  press (state, GDK_KEY_Return, 0);
  expect (faults, qi_session_state (session) == QI_SESSION_IDLE && qi_session_n_results (session) == 0,
          "Enter in the strip keeps");
  expect (faults, qi_fake_host_n_layers (state->host, state->image) == layers && layers == 2, "as one layer");
  expect (faults, GTK_IS_TEXT_VIEW (gtk_window_get_focus (GTK_WINDOW (state->window))),
          "and the prompt has the keyboard again");
  press (state, GDK_KEY_2, GDK_CONTROL_MASK);
  expect (faults, qi_session_task (session) == QI_TASK_EDIT, "Ctrl+2 is Edit");
  qi_session_type (session, "x");
  press (state, GDK_KEY_Up, GDK_CONTROL_MASK);
  expect (faults, g_str_has_prefix (qi_session_request (session)->prompt, "A small sailing boat"),
          "Ctrl+Up brings the last prompt");
  point ("walk", "keys", faults);
  qi_state_free (state);
}

/* The canvas by keys alone: its edges on the stage, then the modes. */
static void
stretch (void)
{
  g_autoptr (GPtrArray) faults = g_ptr_array_new_with_free_func (g_free);
  QiState *state = qi_state_new ("x");
  QiSession *session = state->session;
  const QiRequest *request = qi_session_request (session);

  qi_session_grow (session, 0, 0, 0, 0);
  gtk_widget_grab_focus (QI_DIALOG (state->window)->scene);
  press (state, GDK_KEY_Right, GDK_SHIFT_MASK);
  press (state, GDK_KEY_Right, GDK_SHIFT_MASK);
  expect (faults, request->right == 32 && request->left == 0, "Shift and Right move the right edge outwards");
  press (state, GDK_KEY_Left, 0);
  expect (faults, request->right == 16 && request->left == 16, "Left moves what the canvas becomes");
  press (state, GDK_KEY_Up, GDK_SHIFT_MASK);
  expect (faults, request->bottom == 0 && request->top == 0, "no edge goes into the old picture");
  press (state, GDK_KEY_0, 0);
  expect (faults, request->right == 0 && request->left == 0, "0 takes it back");
  press (state, GDK_KEY_5, GDK_CONTROL_MASK);
  expect (faults, qi_session_task (session) == QI_TASK_SPLIT, "Ctrl+5 is Layers");
  press (state, GDK_KEY_4, GDK_CONTROL_MASK);
  expect (faults, qi_session_task (session) == QI_TASK_EXPAND, "Ctrl+4 is Expand");
  point ("stretch", "keys", faults);
  qi_state_free (state);
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("STATE[=NAME]…");
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_group (context, gtk_get_option_group (TRUE));
  if (!g_option_context_parse (context, &argc, &argv, &error))
    g_error ("%s", error->message);
  if (catalogue)
    {
      bindtextdomain (GETTEXT_PACKAGE, catalogue);
      bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
    }
  GtkSettings *settings = gtk_settings_get_default ();
  g_object_set (settings, "gtk-theme-name", "Adwaita", "gtk-font-name", font ? font : "Liberation Sans 11",
                "gtk-enable-animations", FALSE, "gtk-cursor-blink", FALSE, "gtk-icon-theme-name", "hicolor", NULL);
  if (css)
    {
      g_autoptr (GtkCssProvider) theme = gtk_css_provider_new ();
      if (!gtk_css_provider_load_from_path (theme, css, &error))
        g_error ("%s", error->message);
      gtk_style_context_add_provider_for_screen (gdk_screen_get_default (), GTK_STYLE_PROVIDER (theme),
                                                 GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
    }
  if (rtl)
    gtk_widget_set_default_direction (GTK_TEXT_DIR_RTL);
  for (int k = 1; k < argc; k++)
    {
      g_auto (GStrv) parts = g_strsplit (argv[k], "=", 2);
      const char *name = parts[1] ? parts[1] : parts[0];
      if (g_str_equal (name, "walk") || g_str_equal (name, "stretch"))
        {
          (*name == 'w' ? walk : stretch) ();
          continue;
        }
      QiState *state = qi_state_new (parts[0]);
      if (out)
        take_picture (state->window, name);
      look (state, name);
      qi_state_free (state);
    }
  g_print ("1..%u\n", n_points);
  return n_failed > 0;
}
