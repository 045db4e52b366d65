# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stage export: what has been trained so far as files, in the layout that diffusers reads: export [FOLDER [PART…]], else
_build/train/model with every part that is there. Weights in F16, the transformer also in Q8_0, made from those; the VAE keeps its
2-D kernels."""
import os
import shutil
import sys

import torch

import files
import gguf
import vocabulary
from mmdit import CONFIG
from place import PLACE
from qwen import TEXT, VISION
from train_mmdit import figures_of
from vae import Vae

SCHEDULER = {'_class_name': 'FlowMatchEulerDiscreteScheduler', 'base_image_seq_len': 256, 'base_shift': .5, 'invert_sigmas': False,
             'max_image_seq_len': 8192, 'max_shift': .9, 'num_train_timesteps': 1000, 'shift': 1.0, 'shift_terminal': .02,
             'stochastic_sampling': False, 'time_shift_type': 'exponential', 'use_beta_sigmas': False, 'use_dynamic_shifting': True,
             'use_exponential_sigmas': False, 'use_karras_sigmas': False}


def half(tensors):
    largest = max(t.abs().max().item() for t in tensors.values())
    assert largest < 6e4, largest
    return {n: t.to(torch.float16) for n, t in tensors.items()}


def export_vae(folder):
    saved = torch.load(os.path.join(PLACE, 'vae.pt'), map_location='cpu', weights_only=True)
    vae = Vae(**saved['config'])
    vae.load_state_dict(saved['mean'])
    mean, std = figures_of(vae.eval())
    files.write(os.path.join(folder, 'vae', 'diffusion_pytorch_model.safetensors'), half(vae.state_dict()))
    files.write_json(os.path.join(folder, 'vae', 'config.json'), {
        '_class_name': 'AutoencoderKLQwenImage', 'attn_scales': [], **vae.config, 'dropout': 0.0,
        'temperal_downsample': [False, True, True], 'latents_mean': [round(v, 5) for v in mean.tolist()],
        'latents_std': [round(v, 5) for v in std.tolist()]})


def export_text_encoder(folder):
    net = torch.load(os.path.join(PLACE, 'encoder.pt'), map_location='cpu', weights_only=True)['net']
    files.write(os.path.join(folder, 'text_encoder', 'model.safetensors'), half(net))
    tokenizer = vocabulary.Tokenizer(os.path.join(PLACE, 'model', 'tokenizer'))
    text = {k: v for k, v in TEXT.items() if k != 'mrope_section'}
    files.write_json(os.path.join(folder, 'text_encoder', 'config.json'), {
        'architectures': ['Qwen2_5_VLForConditionalGeneration'], 'model_type': 'qwen2_5_vl', **text, 'hidden_act': 'silu',
        'rope_scaling': {'mrope_section': TEXT['mrope_section'], 'rope_type': 'default', 'type': 'default'}, 'tie_word_embeddings': False,
        'use_sliding_window': False, 'image_token_id': tokenizer.added['<|image_pad|>'],
        'vision_start_token_id': tokenizer.added['<|vision_start|>'], 'vision_end_token_id': tokenizer.added['<|vision_end|>'],
        'vision_config': {**VISION, 'hidden_act': 'silu', 'model_type': 'qwen2_5_vl', 'tokens_per_second': 2}})


def export_transformer(folder):
    saved = torch.load(os.path.join(PLACE, 'mmdit.pt'), map_location='cpu', weights_only=True)
    tensors = half(saved['mean'])
    files.write(os.path.join(folder, 'transformer', 'diffusion_pytorch_model.safetensors'), tensors)
    gguf.write(os.path.join(folder, 'gguf', 'sfumato-demo-Q8_0.gguf'), tensors, 'Sfumato demo')
    for part in 'transformer', 'gguf':  # a GGUF file does not say how a head is shared among the axes
        files.write_json(os.path.join(folder, part, 'config.json'), {
            '_class_name': 'QwenImageTransformer2DModel', **CONFIG, 'guidance_embeds': False, 'use_additional_t_cond': False,
            'use_layer3d_rope': False, 'zero_cond_t': False})


def export_layered(folder):
    """The transformer that splits, which the engine looks for in this folder; its schedule is the one published for layers."""
    saved = torch.load(os.path.join(PLACE, 'layers.pt'), map_location='cpu', weights_only=True)
    gguf.write(os.path.join(folder, 'layered', 'sfumato-demo-layered-Q8_0.gguf'), half(saved['mean']), 'Sfumato demo, layered')
    files.write_json(os.path.join(folder, 'layered', 'config.json'), {
        '_class_name': 'QwenImageTransformer2DModel', **CONFIG, 'guidance_embeds': False, 'use_additional_t_cond': True,
        'use_layer3d_rope': True, 'zero_cond_t': False})
    files.write_json(os.path.join(folder, 'layered', 'scheduler_config.json'), {
        **SCHEDULER, 'shift_terminal': None, 'time_shift_type': 'linear'})


def export_rest(folder):
    vocabulary.write(os.path.join(folder, 'tokenizer'))
    os.makedirs(os.path.join(folder, 'scheduler'), exist_ok=True)
    files.write_json(os.path.join(folder, 'scheduler', 'scheduler_config.json'), SCHEDULER)
    files.write_json(os.path.join(folder, 'model_index.json'), {
        '_class_name': 'QwenImagePipeline', '_sfumato_variant': 'demo', 'scheduler': ['diffusers', 'FlowMatchEulerDiscreteScheduler'],
        'text_encoder': ['transformers', 'Qwen2_5_VLForConditionalGeneration'], 'tokenizer': ['transformers', 'Qwen2Tokenizer'],
        'transformer': ['diffusers', 'QwenImageTransformer2DModel'], 'vae': ['diffusers', 'AutoencoderKLQwenImage']})


PARTS = {'vae': (export_vae, 'vae.pt'), 'text_encoder': (export_text_encoder, 'encoder.pt'), 'transformer': (export_transformer, 'mmdit.pt'),
         'layered': (export_layered, 'layers.pt')}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(PLACE, 'model')
    for part, (export, checkpoint) in PARTS.items():
        if os.path.exists(os.path.join(PLACE, checkpoint)) and (len(sys.argv) < 3 or part in sys.argv[2:]):
            shutil.rmtree(os.path.join(folder, part), ignore_errors=True)
            export(folder)
            print('%s: %.2f MB' % (part, sum(os.path.getsize(os.path.join(folder, part, f)) for f in os.listdir(os.path.join(folder, part))) / 1e6))
    if len(sys.argv) < 3:
        export_rest(folder)
