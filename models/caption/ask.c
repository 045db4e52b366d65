/* SPDX-FileCopyrightText: Sfumato authors
 * SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions are the authors', since the model was trained with their answers. */
#include "models/caption/caption.h"

#include <string.h>

#include "models/picture/sizes.h"

#define MOST_PIXELS (1024.0 * 1024.0) /* that are shown of a picture */

static const char describe_english[] =
  "# Image Annotator\n"
  "You are a professional image annotator. Please write an image caption based on the input image:\n"
  "1. Write the caption using natural, descriptive language without structured formats or rich text.\n"
  "2. Enrich caption details by including:\n"
  " - Object attributes, such as quantity, color, shape, size, material, state, position, actions, and so on\n"
  " - Vision Relations between objects, such as spatial relations, functional relations, possessive relations, attachment "
  "relations, action relations, comparative relations, causal relations, and so on\n"
  " - Environmental details, such as weather, lighting, colors, textures, atmosphere, and so on\n"
  " - Identify the text clearly visible in the image, without translation or explanation, and highlight it in the caption with "
  "quotation marks\n"
  "3. Maintain authenticity and accuracy:\n"
  " - Avoid generalizations\n"
  " - Describe all visible information in the image, while do not add information not explicitly shown in the image\n";

static const char describe_chinese[] =
  "# 图像标注器\n"
  "你是一个专业的图像标注器。请基于输入图像，撰写图注:\n"
  "1. 使用自然、描述性的语言撰写图注，不要使用结构化形式或富文本形式。\n"
  "2. 通过加入以下内容，丰富图注细节：\n"
  " - 对象的属性：如数量、颜色、形状、大小、位置、材质、状态、动作等\n"
  " - 对象间的视觉关系：如空间关系、功能关系、动作关系、从属关系、比较关系、因果关系等\n"
  " - 环境细节：例如天气、光照、颜色、纹理、气氛等\n"
  " - 文字内容：识别图像中清晰可见的文字，不做翻译和解释，用引号在图注中强调\n"
  "3. 保持真实性与准确性：\n"
  " - 不要使用笼统的描述\n"
  " - 描述图像中所有可见的信息，但不要加入没有在图像中出现的内容\n";

static const char annotate[] =
  "# Image Annotator\n"
  "You are a professional image annotator. Please complete the following tasks based on the input image.\n"
  "## Step 1: Create Image Caption\n"
  "1. Write the caption using natural, descriptive language without structured formats or rich text.\n"
  "2. Enrich caption details by including: object attributes, vision relations between objects, and environmental details.\n"
  "3. Identify the text visible in the image, without translation or explanation, and highlight it in the caption with quotation "
  "marks.\n"
  "4. Maintain authenticity and accuracy, avoid generalizations.\n"
  "## Step 2: Image Quality Assessment\n"
  "1. Image Type Identification: Return the image type based on its source and usage.\n"
  "2. Image Style Identification: Return the image style based on its overall visual characteristics.\n"
  "3. Watermark Detection: Detect watermarks in the image. Return the detected watermarks in a list format.\n"
  "4. Abnormal Element Detection: Check if any elements affect viewing, such as QR codes or mosaics.\n"
  "5. Text Detection: Return the texts visible in the image in a list format.\n"
  "## Sample Output Format\n"
  "```json\n"
  "{\n"
  "\"Caption\": \"...\",\n"
  "\"Image Type\": \"...\",\n"
  "\"Image Style\": \"...\",\n"
  "\"Watermark List\": [],\n"
  "\"Abnormal Element\": \"yes/no\",\n"
  "\"Text List\": []\n"
  "}\n"
  "```\n";

char *
qi_caption_describe (QiRuntime *runtime, const QiPromptPicture *picture, gboolean english, guint max_tokens, GError **error)
{
  const QiQuestion question = { .text = english ? describe_english : describe_chinese, .pictures = picture, .n_pictures = 1,
                                .max_tokens = max_tokens };
  char *reply = qi_speak (runtime, &question, NULL, error);

  return reply ? g_strstrip (reply) : NULL;
}

/* A large picture is shown as a megapixel of its shape. */
static gboolean
fit (QiPromptPicture *picture, GError **error)
{
  const guint width = picture->width ? picture->width : qi_image_width (picture->image);
  const guint height = picture->height ? picture->height : qi_image_height (picture->image);

  return (double) width * height <= MOST_PIXELS
         || qi_calculate_dimensions (MOST_PIXELS, (double) width / height, &picture->width, &picture->height, error);
}

QiCaption *
qi_caption_annotate (QiRuntime *runtime, const QiPromptPicture *picture, const QiCaptionOptions *options, GError **error)
{
  QiPromptPicture shown = *picture;
  const QiQuestion question = { .text = annotate, .pictures = &shown, .n_pictures = 1, .max_tokens = options->max_tokens,
                                .seed = options->seed };
  g_autofree char *reply = NULL;

  if (!fit (&shown, error) || !(reply = qi_speak (runtime, &question, NULL, error)) || qi_runtime_is_plan (runtime))
    return NULL;
  return qi_caption_parse (reply, strlen (reply));
}
