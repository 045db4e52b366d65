/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib/gi18n-lib.h>
#include <string.h>

#include "ui/parts.h"
#include "ui/widgets.h"

#define MAX_UNDO 200

typedef struct
{
  QiSession *session;
  GtkWidget *scrolled, *view, *placeholder;
  GtkTextBuffer *buffer;
  GtkTextTag *picture, *missing;
  int min_lines, max_lines;
  GPtrArray *undo; /* of strings; the last is what is there */
  GPtrArray *redo;
  gint64 typed; /* µs: keys in quick succession are one step */
  gboolean ours; /* the buffer is changed by us */
} Prompt;

static Prompt *
prompt_of (GtkWidget *entry)
{
  return g_object_get_data (G_OBJECT (entry), "qi-prompt");
}

static void
prompt_free (gpointer data)
{
  Prompt *prompt = data;

  g_signal_handlers_disconnect_by_data (prompt->session, prompt);
  g_ptr_array_unref (prompt->undo);
  g_ptr_array_unref (prompt->redo);
  g_object_unref (prompt->session);
  g_free (prompt);
}

static char *
text_of (Prompt *prompt)
{
  GtkTextIter start, end;

  gtk_text_buffer_get_bounds (prompt->buffer, &start, &end);
  return gtk_text_buffer_get_text (prompt->buffer, &start, &end, TRUE);
}

/* "Picture 2" is bold where there is one, and marked where there is none. */
static void
mark_pictures (Prompt *prompt)
{
  static GRegex *names = NULL;
  g_autofree char *text = text_of (prompt);
  g_autoptr (GMatchInfo) found = NULL;
  GtkTextIter start, end;
  const guint own = qi_session_task (prompt->session) == QI_TASK_GENERATE ? 0 : 1;
  const guint there = own + qi_session_n_references (prompt->session);

  if (!names)
    names = g_regex_new ("\\bPicture ([1-9][0-9]?)\\b", G_REGEX_OPTIMIZE, 0, NULL);
  gtk_text_buffer_get_bounds (prompt->buffer, &start, &end);
  gtk_text_buffer_remove_tag (prompt->buffer, prompt->picture, &start, &end);
  gtk_text_buffer_remove_tag (prompt->buffer, prompt->missing, &start, &end);
  g_regex_match (names, text, 0, &found);
  for (; g_match_info_matches (found); g_match_info_next (found, NULL))
    {
      int from, to;
      g_autofree char *number = g_match_info_fetch (found, 1);
      g_match_info_fetch_pos (found, 0, &from, &to);
      gtk_text_buffer_get_iter_at_offset (prompt->buffer, &start, g_utf8_pointer_to_offset (text, text + from));
      gtk_text_buffer_get_iter_at_offset (prompt->buffer, &end, g_utf8_pointer_to_offset (text, text + to));
      const gboolean good = g_ascii_strtoull (number, NULL, 10) <= there;
      gtk_text_buffer_apply_tag (prompt->buffer, good ? prompt->picture : prompt->missing, &start, &end);
    }
}

/* As many lines as the words need, between min and max. */
static void
fit_height (Prompt *prompt)
{
  GtkTextIter end;
  GdkRectangle last;
  PangoContext *context = gtk_widget_get_pango_context (prompt->view);
  PangoFontMetrics *metrics = pango_context_get_metrics (context, NULL, NULL);
  const int line = PANGO_PIXELS (pango_font_metrics_get_height (metrics)) > 0
                       ? PANGO_PIXELS (pango_font_metrics_get_height (metrics))
                       : qi_px (prompt->view, 19);

  pango_font_metrics_unref (metrics);
  gtk_text_buffer_get_end_iter (prompt->buffer, &end);
  gtk_text_view_get_iter_location (GTK_TEXT_VIEW (prompt->view), &end, &last);
  const int lines = CLAMP ((last.y + last.height + line - 1) / line, prompt->min_lines, prompt->max_lines);
  const int height = lines * line + 2 * qi_px (prompt->view, 7) + 2;
  if (gtk_scrolled_window_get_min_content_height (GTK_SCROLLED_WINDOW (prompt->scrolled)) != height)
    {
      gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (prompt->scrolled), -1);
      gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (prompt->scrolled), height);
      gtk_scrolled_window_set_max_content_height (GTK_SCROLLED_WINDOW (prompt->scrolled), height);
    }
}

static void
after_change (Prompt *prompt)
{
  qi_set_visible (prompt->placeholder, gtk_text_buffer_get_char_count (prompt->buffer) == 0);
  mark_pictures (prompt);
  fit_height (prompt);
}

static void
remember (Prompt *prompt, const char *text)
{
  const gint64 now = g_get_monotonic_time ();
  const char *last = prompt->undo->len ? prompt->undo->pdata[prompt->undo->len - 1] : "";

  if (g_str_equal (last, text))
    return;
  /* Within a second of each other, and not the end of a word: one step. */
  if (prompt->undo->len > 1 && now - prompt->typed < G_USEC_PER_SEC && !g_str_has_suffix (text, " "))
    g_ptr_array_set_size (prompt->undo, prompt->undo->len - 1);
  g_ptr_array_add (prompt->undo, g_strdup (text));
  if (prompt->undo->len > MAX_UNDO)
    g_ptr_array_remove_index (prompt->undo, 0);
  g_ptr_array_set_size (prompt->redo, 0);
  prompt->typed = now;
}

static void
on_buffer_changed (GtkTextBuffer *buffer, gpointer user_data)
{
  Prompt *prompt = user_data;
  g_autofree char *text = text_of (prompt);

  if (!prompt->ours)
    {
      remember (prompt, text);
      qi_session_type (prompt->session, text);
    }
  after_change (prompt);
}

static void
put (Prompt *prompt, const char *text)
{
  prompt->ours = TRUE;
  gtk_text_buffer_set_text (prompt->buffer, text ? text : "", -1);
  prompt->ours = FALSE;
}

gboolean
qi_prompt_entry_undo (GtkWidget *entry, gboolean redo)
{
  Prompt *prompt = prompt_of (entry);

  if (redo ? prompt->redo->len == 0 : prompt->undo->len < 2)
    return FALSE;
  if (redo)
    g_ptr_array_add (prompt->undo, g_ptr_array_steal_index (prompt->redo, prompt->redo->len - 1));
  else
    g_ptr_array_add (prompt->redo, g_ptr_array_steal_index (prompt->undo, prompt->undo->len - 1));
  put (prompt, prompt->undo->pdata[prompt->undo->len - 1]);
  qi_session_type (prompt->session, prompt->undo->pdata[prompt->undo->len - 1]);
  prompt->typed = 0;
  return TRUE;
}

static void
on_changed (QiSession *session, guint what, gpointer user_data)
{
  Prompt *prompt = user_data;

  if (what & QI_CHANGED_PROMPT)
    {
      const char *now = qi_session_request (session)->prompt;
      g_autofree char *text = text_of (prompt);
      if (g_strcmp0 (text, now ? now : "") != 0)
        {
          put (prompt, now);
          prompt->typed = 0;
          remember (prompt, now ? now : "");
        }
    }
  if (what & (QI_CHANGED_MODE | QI_CHANGED_PROMPT))
    {
      g_autofree char *details = NULL, *will = qi_session_will (session, &details);
      qi_set_text (prompt->placeholder, qi_session_placeholder (session));
      qi_describe (prompt->view, will);
    }
  if (what & (QI_CHANGED_MODE | QI_CHANGED_REFERENCES | QI_CHANGED_PROMPT))
    after_change (prompt);
}

/* GtkTextView itself shows no focus. */
static gboolean
on_focus (GtkWidget *view, GdkEventFocus *event, gpointer user_data)
{
  qi_css_set (((Prompt *) user_data)->scrolled, "sf-focus", event->in);
  return FALSE;
}

static void
on_view_allocated (GtkWidget *view, GdkRectangle *allocation, gpointer user_data)
{
  fit_height (user_data);
}

GtkWidget *
qi_prompt_entry_new (QiSession *session)
{
  Prompt *prompt = g_new0 (Prompt, 1);
  GtkWidget *overlay = gtk_overlay_new ();

  prompt->session = g_object_ref (session);
  prompt->undo = g_ptr_array_new_with_free_func (g_free);
  prompt->redo = g_ptr_array_new_with_free_func (g_free);
  prompt->min_lines = 4;
  prompt->max_lines = 8;
  prompt->scrolled = gtk_scrolled_window_new (NULL, NULL);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (prompt->scrolled), GTK_POLICY_AUTOMATIC,
                                  GTK_POLICY_AUTOMATIC); /* NEVER would never let the window become narrower */
  gtk_scrolled_window_set_shadow_type (GTK_SCROLLED_WINDOW (prompt->scrolled), GTK_SHADOW_IN);
  qi_css (prompt->scrolled, "sf-prompt");
  prompt->view = gtk_text_view_new ();
  prompt->buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (prompt->view));
  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (prompt->view), GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (prompt->view), FALSE);
  gtk_text_view_set_left_margin (GTK_TEXT_VIEW (prompt->view), qi_px (overlay, 8));
  gtk_text_view_set_right_margin (GTK_TEXT_VIEW (prompt->view), qi_px (overlay, 8));
  gtk_text_view_set_top_margin (GTK_TEXT_VIEW (prompt->view), qi_px (overlay, 7));
  gtk_text_view_set_bottom_margin (GTK_TEXT_VIEW (prompt->view), qi_px (overlay, 7));
  gtk_text_view_set_input_purpose (GTK_TEXT_VIEW (prompt->view), GTK_INPUT_PURPOSE_FREE_FORM);
  qi_name (prompt->view, _ ("Prompt"));
  prompt->picture = gtk_text_buffer_create_tag (prompt->buffer, NULL, "weight", PANGO_WEIGHT_BOLD, NULL);
  prompt->missing = gtk_text_buffer_create_tag (prompt->buffer, NULL, "weight", PANGO_WEIGHT_BOLD, "underline",
                                                PANGO_UNDERLINE_ERROR, NULL);
  g_ptr_array_add (prompt->undo, g_strdup (""));

  prompt->placeholder = qi_label ("", "sf-hint");
  gtk_label_set_line_wrap (GTK_LABEL (prompt->placeholder), TRUE);
  gtk_widget_set_halign (prompt->placeholder, GTK_ALIGN_START);
  gtk_widget_set_valign (prompt->placeholder, GTK_ALIGN_START);
  gtk_widget_set_margin_start (prompt->placeholder, qi_px (overlay, 10));
  gtk_widget_set_margin_end (prompt->placeholder, qi_px (overlay, 10));
  gtk_widget_set_margin_top (prompt->placeholder, qi_px (overlay, 8));
  gtk_widget_set_no_show_all (prompt->placeholder, TRUE);

  gtk_container_add (GTK_CONTAINER (prompt->scrolled), prompt->view);
  gtk_container_add (GTK_CONTAINER (overlay), prompt->scrolled);
  gtk_overlay_add_overlay (GTK_OVERLAY (overlay), prompt->placeholder);
  gtk_overlay_set_overlay_pass_through (GTK_OVERLAY (overlay), prompt->placeholder, TRUE);
  g_object_set_data_full (G_OBJECT (overlay), "qi-prompt", prompt, prompt_free);
  g_signal_connect (prompt->buffer, "changed", G_CALLBACK (on_buffer_changed), prompt);
  g_signal_connect (prompt->view, "focus-in-event", G_CALLBACK (on_focus), prompt);
  g_signal_connect (prompt->view, "focus-out-event", G_CALLBACK (on_focus), prompt);
  g_signal_connect (prompt->view, "size-allocate", G_CALLBACK (on_view_allocated), prompt);
  g_signal_connect (session, "changed", G_CALLBACK (on_changed), prompt);
  on_changed (session, QI_CHANGED_ALL, prompt);
  return overlay;
}

GtkWidget *
qi_prompt_entry_view (GtkWidget *entry)
{
  return prompt_of (entry)->view;
}

void
qi_prompt_entry_set_lines (GtkWidget *entry, int min, int max)
{
  Prompt *prompt = prompt_of (entry);

  prompt->min_lines = min;
  prompt->max_lines = max;
  fit_height (prompt);
}

void
qi_prompt_entry_insert (GtkWidget *entry, const char *words)
{
  Prompt *prompt = prompt_of (entry);
  GtkTextIter at;

  gtk_text_buffer_delete_selection (prompt->buffer, TRUE, TRUE);
  gtk_text_buffer_get_iter_at_mark (prompt->buffer, &at, gtk_text_buffer_get_insert (prompt->buffer));
  const gboolean space = !gtk_text_iter_starts_line (&at) && gtk_text_iter_backward_char (&at)
                         && !g_unichar_isspace (gtk_text_iter_get_char (&at));
  g_autofree char *text = g_strconcat (space ? " " : "", words, NULL);
  gtk_text_buffer_insert_at_cursor (prompt->buffer, text, -1);
  gtk_widget_grab_focus (prompt->view);
}

gboolean
qi_prompt_entry_in_last_line (GtkWidget *entry)
{
  Prompt *prompt = prompt_of (entry);
  GtkTextIter at;

  gtk_text_buffer_get_iter_at_mark (prompt->buffer, &at, gtk_text_buffer_get_insert (prompt->buffer));
  return !gtk_text_view_forward_display_line (GTK_TEXT_VIEW (prompt->view), &at) || gtk_text_iter_is_end (&at);
}
