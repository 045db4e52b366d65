# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The VAE of Qwen-Image for single images: the Wan VAE with its 2-D kernels, under the names of diffusers.

Structure: docs of the published model; a causal 3-D kernel that meets one frame is its last temporal tap.
Tensors are [batch channels height width], channels last in memory. RGBA: four channels, -1 … 1.
"""
import torch
import torch.nn.functional as F
from torch import nn


class NormSiluFunction(torch.autograd.Function):
    """silu(x / rms(x) * gamma) over channels, forward and backward in few passes over memory."""

    @staticmethod
    def forward(ctx, x, gamma):
        r = torch.rsqrt(x.square().mean(1, keepdim=True, dtype=torch.float32).clamp_min(1e-12)).to(x.dtype)
        n = x * r * gamma.to(x.dtype).view(1, -1, 1, 1)
        ctx.save_for_backward(x, gamma, r)
        return F.silu(n)

    @staticmethod
    def backward(ctx, grad):
        x, gamma, r = ctx.saved_tensors
        g = gamma.to(x.dtype).view(1, -1, 1, 1)
        h = x * r
        n = h * g
        s = torch.sigmoid(n)
        dn = grad * (s * (1 + n * (1 - s)))
        dgamma = (dn * h).sum((0, 2, 3), dtype=torch.float32)
        dh = dn * g
        # Where all channels are near zero (flat grounds) the true gradient is huge and, in bfloat16, noise: it is bounded.
        dx = (dh - h * (dh * h).mean(1, keepdim=True)) * r.clamp_max(4)
        return dx, dgamma.to(gamma.dtype)


class Norm(nn.Module):
    """RMS over channels: x / ||x|| * sqrt(C) * gamma."""

    def __init__(self, channels, images=True):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, 1, 1, 1) if images else torch.ones(channels, 1, 1))

    def forward(self, x):
        return F.normalize(x.float(), dim=1).to(x.dtype) * (x.shape[1] ** .5) * self.gamma.view(1, -1, 1, 1).to(x.dtype)

    def silu(self, x):
        return NormSiluFunction.apply(x, self.gamma.view(-1))


class Res(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.norm1, self.conv1 = Norm(inside), nn.Conv2d(inside, outside, 3, padding=1)
        self.norm2, self.conv2 = Norm(outside), nn.Conv2d(outside, outside, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inside, outside, 1) if inside != outside else None

    def forward(self, x):
        y = self.conv2(self.norm2.silu(self.conv1(self.norm1.silu(x))))
        return y + (x if self.conv_shortcut is None else self.conv_shortcut(x))


class Attention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm, self.to_qkv, self.proj = Norm(channels, False), nn.Conv2d(channels, 3 * channels, 1), nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = self.to_qkv(self.norm(x)).reshape(b, 3, c, h * w).transpose(2, 3).unbind(1)
        y = F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]
        return x + self.proj(y.transpose(1, 2).reshape(b, c, h, w))


class Down(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.resample = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, channels, 3, stride=2))

    def forward(self, x):
        return self.resample(x)


class Up(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.resample = nn.Sequential(nn.Upsample(scale_factor=2, mode='nearest'), nn.Conv2d(channels, channels // 2, 3, padding=1))

    def forward(self, x):
        return self.resample(x)


class Middle(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.resnets = nn.ModuleList([Res(channels, channels), Res(channels, channels)])
        self.attentions = nn.ModuleList([Attention(channels)])

    def forward(self, x):
        return self.resnets[1](self.attentions[0](self.resnets[0](x)))


class Encoder(nn.Module):
    def __init__(self, channels, base, mult, n_res, z):
        super().__init__()
        dims = [base * m for m in [1] + mult]
        self.conv_in = nn.Conv2d(channels, dims[0], 3, padding=1)
        blocks = []
        for i, (inside, outside) in enumerate(zip(dims, dims[1:])):
            for j in range(n_res):
                blocks.append(Res(inside if j == 0 else outside, outside))
            if i + 1 < len(mult):
                blocks.append(Down(outside))
        self.down_blocks = nn.ModuleList(blocks)
        self.mid_block = Middle(dims[-1])
        self.norm_out, self.conv_out = Norm(dims[-1]), nn.Conv2d(dims[-1], 2 * z, 3, padding=1)

    def forward(self, x):
        x = self.conv_in(x)
        for block in self.down_blocks:
            x = block(x)
        return self.conv_out(self.norm_out.silu(self.mid_block(x)))


class UpBlock(nn.Module):
    def __init__(self, inside, outside, n_res, last):
        super().__init__()
        self.resnets = nn.ModuleList([Res(inside if j == 0 else outside, outside) for j in range(n_res + 1)])
        self.upsamplers = None if last else nn.ModuleList([Up(outside)])

    def forward(self, x):
        for block in self.resnets:
            x = block(x)
        return x if self.upsamplers is None else self.upsamplers[0](x)


class Decoder(nn.Module):
    def __init__(self, channels, base, mult, n_res, z):
        super().__init__()
        dims = [base * m for m in mult[-1:] + mult[::-1]]
        self.conv_in = nn.Conv2d(z, dims[0], 3, padding=1)
        self.mid_block = Middle(dims[0])
        self.up_blocks = nn.ModuleList([UpBlock(a if i == 0 else a // 2, b, n_res, i + 1 == len(mult))
                                        for i, (a, b) in enumerate(zip(dims, dims[1:]))])
        self.norm_out, self.conv_out = Norm(dims[-1]), nn.Conv2d(dims[-1], channels, 3, padding=1)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for block in self.up_blocks:
            x = block(x)
        return self.conv_out(self.norm_out.silu(x))


class Vae(nn.Module):
    def __init__(self, base_dim=16, dim_mult=(1, 2, 4, 4), num_res_blocks=2, z_dim=16, input_channels=4):
        super().__init__()
        self.config = dict(base_dim=base_dim, dim_mult=list(dim_mult), num_res_blocks=num_res_blocks, z_dim=z_dim,
                           input_channels=input_channels)
        args = (input_channels, base_dim, list(dim_mult), num_res_blocks, z_dim)
        self.encoder, self.decoder = Encoder(*args), Decoder(*args)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(2 * z_dim, 2 * z_dim, 1), nn.Conv2d(z_dim, z_dim, 1)
        self.to(memory_format=torch.channels_last)

    def encode(self, x):
        """Mean and log variance, each [batch z h/8 w/8]."""
        return self.quant_conv(self.encoder(x)).float().chunk(2, 1)

    def decode(self, z):
        return self.decoder(self.post_quant_conv(z))
