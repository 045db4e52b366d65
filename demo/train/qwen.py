# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Qwen2.5-VL architecture at toy scale: a causal language model and a vision tower, under the names of the released files.

Texts are [batch tokens], pictures patches [batch patches 1176] of one grid for the whole batch.
"""
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn

TEXT = dict(vocab_size=1216, hidden_size=256, intermediate_size=704, num_hidden_layers=4, num_attention_heads=4,
            num_key_value_heads=2, mrope_section=[8, 12, 12], rope_theta=1e6, rms_norm_eps=1e-6)
VISION = dict(hidden_size=128, intermediate_size=352, depth=4, num_heads=4, out_hidden_size=256, window_size=112,
              fullatt_block_indexes=[3], patch_size=14, spatial_merge_size=2, temporal_patch_size=2, in_channels=3)


class Rms(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return F.rms_norm(x.float(), x.shape[-1:], None, 1e-6).to(x.dtype) * self.weight


def rotate(x, angles):
    """x [batch heads tokens d], angles [batch or 1, tokens, d / 2]: pairs (i, i + d / 2)."""
    cos, sin = angles.cos()[:, None], angles.sin()[:, None]
    a, b = x.float().chunk(2, -1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1).to(x.dtype)


def attend(q, k, v, mask=None):
    """[batch heads tokens d] each; mask: True counts. In plain multiplications: PyTorch's own function for this is four
    times slower on a CPU for heads this small, and two thirds of a step."""
    scores = (q * q.shape[-1] ** -.5) @ k.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, float('-inf'))
    return scores.softmax(-1, torch.float32).to(v.dtype) @ v


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.kv_heads, width = c['num_attention_heads'], c['num_key_value_heads'], c['hidden_size']
        self.d = width // self.heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj, self.v_proj = (nn.Linear(width, self.kv_heads * self.d) for _ in range(2))
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(self, x, angles, before=None):
        """Also keys and values; before: those of one text that stands before all of x."""
        split = lambda t, n: t.unflatten(-1, (n, self.d)).transpose(1, 2)
        q, k, v = split(self.q_proj(x), self.heads), split(self.k_proj(x), self.kv_heads), split(self.v_proj(x), self.kv_heads)
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, 1) for t in (rotate(k, angles), v))
        if before:
            k, v = (torch.cat([b.expand(len(x), -1, -1, -1), t], 2) for b, t in zip(before, (k, v)))
        n = k.shape[2]
        y = attend(rotate(q, angles), k, v, torch.ones(x.shape[1], n, dtype=torch.bool, device=x.device).tril(n - x.shape[1]))
        return self.o_proj(y.transpose(1, 2).flatten(2)), (k, v)


class Mlp(nn.Module):
    def __init__(self, width, inner, bias):
        super().__init__()
        self.gate_proj, self.up_proj = nn.Linear(width, inner, bias), nn.Linear(width, inner, bias)
        self.down_proj = nn.Linear(inner, width, bias)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Rms(c['hidden_size']), Rms(c['hidden_size'])
        self.self_attn, self.mlp = Attention(c), Mlp(c['hidden_size'], c['intermediate_size'], False)

    def forward(self, x, angles, before=None):
        y, kept = self.self_attn(self.input_layernorm(x), angles, before)
        x = x + y
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Language(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embed_tokens = nn.Embedding(c['vocab_size'], c['hidden_size'])
        self.layers = nn.ModuleList([Layer(c) for _ in range(c['num_hidden_layers'])])
        self.norm = Rms(c['hidden_size'])
        self.config = c

    def forward(self, x, positions, before=None):
        """x [batch tokens width], positions [batch 3 tokens]: hidden states after the last norm, keys and values of each layer."""
        c = self.config
        half = c['hidden_size'] // c['num_attention_heads'] // 2
        f = c['rope_theta'] ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
        axis = torch.repeat_interleave(torch.arange(3, device=x.device), torch.tensor(c['mrope_section'], device=x.device))
        angles = positions.float()[:, axis].transpose(1, 2) * f
        kept = []
        for layer, b in zip(self.layers, before or [None] * len(self.layers)):
            x, k = layer(x, angles, b)
            kept.append(k)
        return self.norm(x), kept


@functools.lru_cache
def windows(rows, columns, side):
    """Of the patches in merge order: window number, row, column; each [patches]."""
    order = [(2 * r + i, 2 * c + j) for r in range(rows // 2) for c in range(columns // 2) for i in range(2) for j in range(2)]
    row, column = (torch.tensor([p[i] for p in order]) for i in range(2))
    return row // side * 1000 + column // side, row, column


class VisionAttention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads = c['num_heads']
        self.qkv, self.proj = nn.Linear(c['hidden_size'], 3 * c['hidden_size']), nn.Linear(c['hidden_size'], c['hidden_size'])

    def forward(self, x, angles, mask):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = attend(rotate(q, angles), rotate(k, angles), v, mask)
        return self.proj(y.transpose(1, 2).flatten(2))


class VisionBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1, self.norm2 = Rms(c['hidden_size']), Rms(c['hidden_size'])
        self.attn, self.mlp = VisionAttention(c), Mlp(c['hidden_size'], c['intermediate_size'], True)

    def forward(self, x, angles, mask):
        x = x + self.attn(self.norm1(x), angles, mask)
        return x + self.mlp(self.norm2(x))


class Vision(nn.Module):
    """Blocks with windows are computed with a mask instead of a new order: the same numbers."""

    def __init__(self, c):
        super().__init__()
        self.config, wide = c, 4 * c['hidden_size']
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv3d(c['in_channels'], c['hidden_size'], (2, c['patch_size'], c['patch_size']), bias=False)
        self.blocks = nn.ModuleList([VisionBlock(c) for _ in range(c['depth'])])
        self.merger = nn.Module()
        self.merger.ln_q = Rms(c['hidden_size'])
        self.merger.mlp = nn.Sequential(nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, c['out_hidden_size']))

    def forward(self, patches, rows, columns):
        """patches [batch rows*columns 1176] in merge order: [batch rows*columns/4 out]."""
        c = self.config
        window, row, column = (t.to(patches.device) for t in windows(rows, columns, c['window_size'] // c['patch_size']))
        quarter = c['hidden_size'] // c['num_heads'] // 4
        f = 1e4 ** (-torch.arange(quarter, device=patches.device, dtype=torch.float32) / quarter)
        angles = torch.cat([row[:, None] * f, column[:, None] * f], -1)[None]
        mask = window[:, None] == window[None]
        x = F.linear(patches, self.patch_embed.proj.weight.flatten(1))
        for i, block in enumerate(self.blocks):
            x = block(x, angles, None if i in c['fullatt_block_indexes'] else mask)
        return self.merger.mlp(self.merger.ln_q(x).unflatten(1, (-1, 4)).flatten(2))


class QwenVl(nn.Module):
    def __init__(self, text=TEXT, vision=VISION):
        super().__init__()
        self.model, self.visual = Language(text), Vision(vision)
        self.lm_head = nn.Linear(text['hidden_size'], text['vocab_size'], bias=False)

    def embed(self, ids, patches=None, grid=None, image_at=0):
        """Embeddings [batch tokens width] of ids [batch tokens] and positions [1 3 tokens]. Pictures, one a text, fill the tokens from
        image_at on."""
        x = self.model.embed_tokens(ids)
        n = ids.shape[1]
        positions = torch.arange(n, device=ids.device).expand(3, n).clone()
        if patches is not None:
            h, w = grid[0] // 2, grid[1] // 2
            end = image_at + h * w
            x = torch.cat([x[:, :image_at], self.visual(patches, *grid).to(x.dtype), x[:, end:]], 1)
            k = torch.arange(h * w, device=ids.device)
            positions[:, image_at:end] = image_at + torch.stack([0 * k, k // w, k % w])
            positions[:, end:] = image_at + max(h, w) + torch.arange(n - end, device=ids.device)
        return x, positions[None]

    def read(self, ids, seen, places):
        """Hidden states [batch tokens width] of ids in which pictures stand, square ones of the same size: seen [batch pictures cells
        width] is what the vision tower makes of them, places where the tokens of each begin."""
        x, cells = self.model.embed_tokens(ids), seen.shape[2]
        side, at, steps = math.isqrt(cells), [], 0
        k, before = torch.arange(cells, device=ids.device), 0
        for place in places:
            at += [(steps + torch.arange(place - before, device=ids.device)).expand(3, -1)]
            steps += place - before
            at += [steps + torch.stack([0 * k, k // side, k % side])]
            steps, before = steps + side, place + cells
        at += [(steps + torch.arange(ids.shape[1] - before, device=ids.device)).expand(3, -1)]
        for i, place in enumerate(places):
            x = torch.cat([x[:, :place], seen[:, i].to(x.dtype), x[:, place + cells:]], 1)
        return self.model(x, torch.cat(at, 1)[None])[0]

    def forward(self, ids, patches=None, grid=None, image_at=0):
        """Hidden states [batch tokens width]."""
        return self.model(*self.embed(ids, patches, grid, image_at))[0]

    def prompts(self, head, ids):
        """Hidden states of ids [batch tokens], which all stand behind head [tokens]; that is computed once."""
        at = torch.arange(len(head) + ids.shape[1], device=ids.device).expand(1, 3, -1)
        _, before = self.model(self.model.embed_tokens(head[None]), at[..., :len(head)])
        return self.model(self.model.embed_tokens(ids), at[..., len(head):], before)[0]
