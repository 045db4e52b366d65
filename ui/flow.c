/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "ui/flow.h"

#define MAX_CHILDREN 64

struct _QiFlow
{
  GtkBox parent;
  int row_spacing;
};

G_DEFINE_FINAL_TYPE (QiFlow, qi_flow, GTK_TYPE_BOX)

typedef struct
{
  GtkWidget *child;
  int min, width; /* width: natural, then as given */
  int line;
} Cell;

/* The children that are seen, each with its width and its line at a total width. */
static guint
arrange (QiFlow *flow, int width, Cell *cells)
{
  const int gap = gtk_box_get_spacing (GTK_BOX (flow));
  g_autoptr (GList) all = gtk_container_get_children (GTK_CONTAINER (flow));
  int least = 0, natural = 0, line = 0, x = 0;
  guint n = 0;

  for (GList *l = all; l && n < MAX_CHILDREN; l = l->next)
    if (gtk_widget_get_visible (l->data))
      {
        Cell *cell = &cells[n++];
        cell->child = l->data;
        cell->line = 0;
        gtk_widget_get_preferred_width (l->data, &cell->min, &cell->width);
        least += cell->min + (n > 1 ? gap : 0);
        natural += cell->width + (n > 1 ? gap : 0);
      }
  if (natural <= width)
    return n;
  if (least <= width)
    { /* one line: each gives up its part of what is too much */
      const int give = natural - width, can = natural - least;
      int given = 0;
      for (guint k = 0; k < n; k++)
        {
          const int part = k + 1 < n ? (cells[k].width - cells[k].min) * give / can
                                     : MIN (give - given, cells[k].width - cells[k].min);
          cells[k].width -= part;
          given += part;
        }
      for (guint k = 0; k < n && given < give; k++) /* what rounding left */
        while (given < give && cells[k].width > cells[k].min)
          cells[k].width--, given++;
      return n;
    }
  for (guint k = 0; k < n; k++)
    {
      cells[k].width = MIN (cells[k].width, MAX (width, cells[k].min));
      if (x > 0 && x + gap + cells[k].width > width)
        {
          line++;
          x = 0;
        }
      x += (x ? gap : 0) + cells[k].width;
      cells[k].line = line;
    }
  return n;
}

static int
line_height (const Cell *cells, guint n, int line)
{
  int height = 0;

  for (guint k = 0; k < n; k++)
    if (cells[k].line == line)
      {
        int natural;
        gtk_widget_get_preferred_height_for_width (cells[k].child, cells[k].width, NULL, &natural);
        height = MAX (height, natural);
      }
  return height;
}

static GtkSizeRequestMode
qi_flow_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_HEIGHT_FOR_WIDTH;
}

static void
qi_flow_get_preferred_width (GtkWidget *widget, int *min, int *natural)
{
  Cell cells[MAX_CHILDREN];
  const guint n = arrange (QI_FLOW (widget), G_MAXINT, cells);

  *min = *natural = 0;
  for (guint k = 0; k < n; k++)
    {
      *min = MAX (*min, cells[k].min);
      *natural += cells[k].width + (k ? gtk_box_get_spacing (GTK_BOX (widget)) : 0);
    }
}

static void
qi_flow_get_preferred_height_for_width (GtkWidget *widget, int width, int *min, int *natural)
{
  Cell cells[MAX_CHILDREN];
  const guint n = arrange (QI_FLOW (widget), width, cells);

  *min = 0;
  for (int line = 0; n && line <= cells[n - 1].line; line++)
    *min += line_height (cells, n, line) + (line ? QI_FLOW (widget)->row_spacing : 0);
  *natural = *min;
}

static void
qi_flow_get_preferred_height (GtkWidget *widget, int *min, int *natural)
{
  int least, width;

  qi_flow_get_preferred_width (widget, &least, &width);
  qi_flow_get_preferred_height_for_width (widget, width, min, natural);
}

static void
qi_flow_size_allocate (GtkWidget *widget, GtkAllocation *allocation)
{
  Cell cells[MAX_CHILDREN];
  const guint n = arrange (QI_FLOW (widget), allocation->width, cells);
  const gboolean rtl = gtk_widget_get_direction (widget) == GTK_TEXT_DIR_RTL;
  int y = allocation->y;

  gtk_widget_set_allocation (widget, allocation);
  for (int line = 0; n && line <= cells[n - 1].line; line++)
    {
      const int height = line_height (cells, n, line);
      int x = 0;
      for (guint k = 0; k < n; k++)
        if (cells[k].line == line)
          {
            GtkAllocation at = { allocation->x + x, y, cells[k].width, height };
            if (rtl)
              at.x = allocation->x + allocation->width - x - cells[k].width;
            gtk_widget_size_allocate (cells[k].child, &at);
            x += cells[k].width + gtk_box_get_spacing (GTK_BOX (widget));
          }
      y += height + QI_FLOW (widget)->row_spacing;
    }
}

static void
qi_flow_get_preferred_width_for_height (GtkWidget *widget, int height, int *min, int *natural)
{
  qi_flow_get_preferred_width (widget, min, natural);
}

/* GtkBox draws a background in the place that it would have given itself. */
static gboolean
qi_flow_draw (GtkWidget *widget, cairo_t *cr)
{
  return GTK_WIDGET_CLASS (g_type_class_peek (GTK_TYPE_CONTAINER))->draw (widget, cr);
}

static void
qi_flow_class_init (QiFlowClass *klass)
{
  GtkWidgetClass *widget = GTK_WIDGET_CLASS (klass);

  widget->draw = qi_flow_draw;
  widget->get_request_mode = qi_flow_get_request_mode;
  widget->get_preferred_width = qi_flow_get_preferred_width;
  widget->get_preferred_height = qi_flow_get_preferred_height;
  widget->get_preferred_height_for_width = qi_flow_get_preferred_height_for_width;
  widget->get_preferred_width_for_height = qi_flow_get_preferred_width_for_height;
  widget->size_allocate = qi_flow_size_allocate;
}

static void
qi_flow_init (QiFlow *flow)
{
}

GtkWidget *
qi_flow_new (int column_spacing, int row_spacing)
{
  QiFlow *flow =
      g_object_new (QI_TYPE_FLOW, "orientation", GTK_ORIENTATION_HORIZONTAL, "spacing", column_spacing, NULL);

  flow->row_spacing = row_spacing;
  return GTK_WIDGET (flow);
}
