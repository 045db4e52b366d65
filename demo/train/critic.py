# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The discriminator of the adversarial loss: a number for each patch of about 30 px, large where it takes it for an original (PatchGAN,
hinge loss)."""
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

RATE = 1e-3


class Critic(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Conv2d(3, width, 4, 2, 1)), nn.LeakyReLU(.2),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)), nn.LeakyReLU(.2),
            spectral_norm(nn.Conv2d(2 * width, 4 * width, 3, 1, 1)), nn.LeakyReLU(.2),
            nn.Conv2d(4 * width, 1, 3, 1, 1))

    def forward(self, x):
        return self.layers(x)


class Judge:
    """A critic and its optimiser. It is asked by the loss of the decoder, and learns from the same pictures afterwards."""

    def __init__(self, where, saved=None):
        self.net = Critic().to(where)
        self.optimizer = torch.optim.Adam(self.net.parameters(), RATE, betas=(.5, .9))
        if saved:
            self.net.load_state_dict(saved['net'])
            self.optimizer.load_state_dict(saved['optimizer'])

    def __call__(self, y):
        return self.net(y).float()

    def learn(self, y, x):
        loss = F.relu(1 - self(x)).mean() + F.relu(1 + self(y.detach())).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def state(self):
        return dict(net=self.net.state_dict(), optimizer=self.optimizer.state_dict())
