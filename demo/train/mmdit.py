# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MMDiT of Qwen-Image at toy scale, under the names of diffusers: joint attention of text and picture, MSRoPE, modulation.

Pictures are packed latents [batch tokens 4z], row by row; texts [batch tokens width] with a mask of the tokens that count.
"""
import functools
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

import block
from qwen import Rms, attend

CONFIG = dict(patch_size=2, in_channels=64, out_channels=16, num_layers=6, attention_head_dim=32, num_attention_heads=5,
              joint_attention_dim=256, axes_dims_rope=[8, 12, 12])


def msrope(grids, n_text):
    """Positions (frame, row, column) of text and of pictures, each around its middle, one frame behind the other; text on the diagonal
    behind the largest."""
    pictures = []
    for frame, (height, width) in enumerate(grids):
        r, c = torch.meshgrid(torch.arange(height) - (height - height // 2), torch.arange(width) - (width - width // 2), indexing='ij')
        pictures.append(torch.stack([torch.full_like(r, frame), r, c], -1).flatten(0, 1))
    text = max(max(h // 2, w // 2) for h, w in grids) + torch.arange(n_text)
    return text[:, None].expand(-1, 3), torch.cat(pictures)


def naive(grids, n_text):
    """One index that runs over the patches row by row, then over the words; the same on all three axes."""
    patches = sum(h * w for h, w in grids)
    picture, text = torch.arange(patches + n_text)[:, None].expand(-1, 3).split([patches, n_text])
    return text, picture


def layers(grids, n_text):
    """msrope, but the last picture is frame -1, and there are fewer pictures than words have as their first place."""
    text, pictures = msrope(grids, n_text)
    pictures[pictures[:, 0] == len(grids) - 1, 0] = -1
    return text + max(0, len(grids) - 1 - max(max(h // 2, w // 2) for h, w in grids)), pictures


POSITIONS = {'msrope': msrope, 'naive': naive, 'layers': layers}


@functools.lru_cache
def angles(grids, n_text, axes, positions='msrope'):
    """The angles [n_text + patches, d / 2] of text, then pictures; grids: rows and columns of each."""
    at = torch.cat(POSITIONS[positions](grids, n_text)).double()
    parts = [at[:, i:i + 1] * 1e4 ** (-torch.arange(0, d, 2, dtype=torch.float64) / d) for i, d in enumerate(axes)]
    return torch.cat(parts, -1).float()


def rotate(x, a):
    """x [batch heads tokens d]: pairs (2i, 2i + 1)."""
    cos, sin = a.cos(), a.sin()
    even, odd = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2).to(x.dtype)


def modulated(x, shift, scale):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        first = nn.Module()
        first.proj = nn.Linear(width, 4 * width)
        self.net = nn.ModuleList([first, nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x):
        return self.net[2](F.gelu(self.net[0].proj(x), approximate='tanh'))


class JointAttention(nn.Module):
    def __init__(self, heads, d):
        super().__init__()
        self.heads, width = heads, heads * d
        for name in ('to_q', 'to_k', 'to_v', 'add_q_proj', 'add_k_proj', 'add_v_proj', 'to_add_out'):
            setattr(self, name, nn.Linear(width, width))
        self.to_out = nn.ModuleList([nn.Linear(width, width)])
        for name in ('norm_q', 'norm_k', 'norm_added_q', 'norm_added_k'):
            setattr(self, name, Rms(d))

    def forward(self, picture, text, a, mask):
        n = text.shape[1]
        both = lambda one, other: torch.cat([getattr(self, one)(text), getattr(self, other)(picture)], 1)
        q, k, v = both('add_q_proj', 'to_q'), both('add_k_proj', 'to_k'), both('add_v_proj', 'to_v')
        split = lambda t: t.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = split(q), split(k), split(v)
        normal = lambda x, words, pictures: rotate(torch.cat([words(x[:, :, :n]), pictures(x[:, :, n:])], 2), a)
        mask = None if mask is None else mask[:, None, None]
        y = attend(normal(q, self.norm_added_q, self.norm_q), normal(k, self.norm_added_k, self.norm_k), v, mask).transpose(1, 2).flatten(2)
        return self.to_out[0](y[:, n:]), self.to_add_out(y[:, :n])


class Block(nn.Module):
    def __init__(self, heads, d):
        super().__init__()
        width = heads * d
        self.attn = JointAttention(heads, d)
        for stream in ('img', 'txt'):
            setattr(self, stream + '_mod', nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width)))
            setattr(self, stream + '_mlp', FeedForward(width))

    def forward(self, picture, text, temb, a, mask):
        if not block.fused(self, picture, text):
            return self.plain(picture, text, temb, a, mask)
        counts = torch.ones(picture.shape[0], len(a), dtype=torch.bool) if mask is None else mask
        modulation = [m(temb).unflatten(-1, (6, -1)) for m in (self.txt_mod, self.img_mod)]
        text, picture = block.Fused.apply(text, picture, *modulation, a, counts, *block.parameters(self))
        return picture, text

    def plain(self, picture, text, temb, a, mask):
        pm = self.img_mod(temb)[:, None].chunk(6, -1)  # shift, scale, gate of attention, then of the MLP
        tm = self.txt_mod(temb)[:, None].chunk(6, -1)
        p, t = self.attn(modulated(picture, *pm[:2]), modulated(text, *tm[:2]), a, mask)
        picture, text = picture + pm[2] * p, text + tm[2] * t
        return picture + pm[5] * self.img_mlp(modulated(picture, *pm[3:5])), text + tm[5] * self.txt_mlp(modulated(text, *tm[3:5]))


class Mmdit(nn.Module):
    """positions: a row of POSITIONS. checkpointing: what blocks compute is not kept for the way back, but computed again there."""

    def __init__(self, config=CONFIG, positions='msrope', checkpointing=False):
        super().__init__()
        self.config, c = config, config
        self.positions, self.checkpointing = positions, checkpointing
        heads, d = c['num_attention_heads'], c['attention_head_dim']
        width = heads * d
        self.img_in, self.txt_in = nn.Linear(c['in_channels'], width), nn.Linear(c['joint_attention_dim'], width)
        self.txt_norm = Rms(c['joint_attention_dim'])
        self.time_text_embed = nn.Module()
        self.time_text_embed.timestep_embedder = nn.Module()
        self.time_text_embed.timestep_embedder.linear_1 = nn.Linear(256, width)
        self.time_text_embed.timestep_embedder.linear_2 = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([Block(heads, d) for _ in range(c['num_layers'])])
        self.norm_out = nn.Module()
        self.norm_out.linear = nn.Linear(width, 2 * width)
        self.proj_out = nn.Linear(width, 4 * c['out_channels'])
        self.start()

    def start(self):
        """Gates and the last layer begin at zero, so that every block begins as nothing."""
        for each in self.transformer_blocks:
            for m in each.img_mod, each.txt_mod:
                nn.init.zeros_(m[1].weight)
                nn.init.zeros_(m[1].bias)
        for m in self.norm_out.linear, self.proj_out:
            nn.init.zeros_(m.weight)
            nn.init.zeros_(m.bias)

    def embed_time(self, sigma):
        f = torch.exp(-math.log(1e4) * torch.arange(128, device=sigma.device, dtype=torch.float32) / 128)
        a = 1000 * sigma.float()[:, None] * f
        e = self.time_text_embed.timestep_embedder
        return e.linear_2(F.silu(e.linear_1(torch.cat([a.cos(), a.sin()], -1))))

    def angles(self, latents, grids, n_text):
        return angles(grids, n_text, tuple(self.config['axes_dims_rope']), self.positions)

    def forward(self, latents, height, width, text, sigma, mask=None, references=()):
        """Velocity [batch tokens 4z] of latents [batch height*width 4z] at sigma [batch]. mask [batch text tokens]: True counts.
        references: (latents, height, width) of each further picture, clean."""
        temb = self.embed_time(sigma)
        grids = ((height, width), *((h, w) for _, h, w in references))
        picture, text = self.img_in(torch.cat([latents, *(r[0] for r in references)], 1)), self.txt_in(self.txt_norm(text))
        a = self.angles(latents, grids, text.shape[1]).to(latents.device)
        if mask is not None:
            mask = F.pad(mask, (0, picture.shape[1]), value=True)
        for each in self.transformer_blocks:
            run = functools.partial(checkpoint, each, use_reentrant=False) if self.checkpointing else each
            picture, text = run(picture, text, temb, a, mask)
        picture = picture[:, :latents.shape[1]]
        scale, shift = self.norm_out.linear(F.silu(temb))[:, None].chunk(2, -1)
        return self.proj_out(F.layer_norm(picture, picture.shape[-1:], eps=1e-6) * (1 + scale) + shift)


class LayeredMmdit(Mmdit):
    """The same that splits a picture: latents hold whole frames of height * width tokens, the picture that is split last. The time has
    a row of a table added, of which only the first is in use."""

    def __init__(self, config=CONFIG, row=0):
        super().__init__(config, 'layers')
        self.row = row
        self.time_text_embed.addition_t_embedding = nn.Embedding(2, config['attention_head_dim'] * config['num_attention_heads'])
        nn.init.zeros_(self.time_text_embed.addition_t_embedding.weight)

    def embed_time(self, sigma):
        return super().embed_time(sigma) + self.time_text_embed.addition_t_embedding.weight[self.row]

    def angles(self, latents, grids, n_text):
        (height, width), = grids
        return super().angles(latents, grids * (latents.shape[1] // (height * width)), n_text)


def pack(z):
    """[batch z 2h 2w] → [batch h*w 4z], features channel, row, column."""
    b, c, h, w = z.shape
    return z.reshape(b, c, h // 2, 2, w // 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(b, h * w // 4, 4 * c)


def unpack(x, height, width):
    b, _, c = x.shape
    return x.reshape(b, height, width, c // 4, 2, 2).permute(0, 3, 1, 4, 2, 5).reshape(b, c // 4, 2 * height, 2 * width)
