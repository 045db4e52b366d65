#!/usr/bin/env python3
# SPDX-FileCopyrightText: Sfumato authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""./dev train STAGE [OPTION…]: one stage of the demo model's training; README.md here tells them all."""
import importlib
import os
import sys

STAGES = {  # name: (module, function, what it is)
    'preview': ('preview', 'main', 'a sheet of random scenes with their facts: FILE.png [N [SIZE [SEED]]]'),
    'filter': ('filters', 'main', 'faults planted and thrown out: --size S [--scenes N]'),
    'vocabulary': ('vocabulary', 'main', 'the tokenizer'),
    'vae': ('train_vae', 'main', 'the VAE: [--minutes M]'),
    'perceptual': ('perceptual', 'main', 'the classifier whose features are the perceptual loss: [--minutes M]'),
    'decoder': ('train_decoder', 'main', 'the decoder of the VAE alone: [--minutes M] [--loss NAME=WEIGHT…] [--start NAME] [--to NAME]'),
    'fidelity': ('fidelity', 'main', 'what comes back from VAEs, and the words that are read of it: NAME…'),
    'encoder': ('train_encoder', 'main', 'the text encoder and its vision tower: [--minutes M]'),
    'requests': ('unseen', 'main', 'requests about pictures that nobody trained on: FOLDER [N]'),
    'see': ('sight', 'main', 'the vision tower learns what is where: [--minutes M]'),
    'answers': ('answers', 'main', 'the encoder learns to answer about pictures: [--minutes M]'),
    'encode': ('train_mmdit', 'encode', 'latents and embeddings for the transformer: --size S [--scenes N]'),
    'examples': ('examples', 'main', 'what all tasks are learned from: KIND COUNT'),
    'described': ('described', 'main', 'another set of scenes, with captions by the encoder: --size S [--scenes N]'),
    'picked': ('described', 'picked', 'another set of scenes, those that the judge reads whole: --size S [--scenes N]'),
    'rows': ('examples', 'rows', 'embeddings of the prompts of examples'),
    'multi': ('train_multi', 'main', 'the transformer, all tasks together: [--minutes M]'),
    'mix': ('mix', 'main', 'a checkpoint between two others: ONE OTHER SHARE TO'),
    'try': ('try_edits', 'main', 'a sheet of what a checkpoint makes of unseen requests: NAME FILE.png [--half]'),
    'settled': ('settled', 'main', 'how much noise it takes before a checkpoint gets unseen pictures wrong: NAME [--each N]'),
    'mmdit': ('train_mmdit', 'main', 'the transformer: --size S [--minutes M]'),
    'encode-layers': ('train_layers', 'encode', 'latents and embeddings for the transformer that splits: --size S [--scenes N]'),
    'layers': ('train_layers', 'main', 'the transformer that splits: --size S [--minutes M]'),
    'measure-layers': ('train_layers', 'measure', 'splits of unseen scenes, compared with what was painted: --size S'),
    'stacks': ('layers', 'main', 'unseen scenes and their layers as files: FOLDER [N [SIZE]]'),
    'parallel': ('parallel', 'main', 'the same steps by one process, two that share layers, two that share batches: --size S'),
    'describe': ('describe', 'main', 'what the encoder says of unseen scenes, and what is right of it: [--scenes N] [--folder F]'),
    'measure': ('measure', 'main', 'what checkpoints of the transformer draw, judged at several sizes: NAME… [--sizes S…]'),
    'rewards': ('rewards', 'main', 'what the judge gives to checkpoints on prompts of their own, with confidence intervals: NAME… [--prompts N]'),
    'prefer': ('prefer', 'main', 'pairs of a better and a worse picture of one prompt: [--from NAME] [--prompts N]'),
    'choose': ('choose', 'main', 'pairs shown to a person, who chooses: FILE.jsonl'),
    'dpo': ('dpo', 'main', 'the transformer learns from pairs: [--from NAME] [--to NAME] [--steps N]'),
    'grpo': ('grpo', 'main', 'the transformer learns from what the judge gives to its pictures: [--from NAME] [--to NAME] [--steps N]'),
    'check-preferences': ('check_preferences', 'main', 'the formulas of dpo and grpo against what must be'),
    'check-block': ('block', 'check', 'what is computed in C against plain float32'),
    'resume': ('resume', 'main', 'checkpoints from the exported model, to go on with: [FOLDER]'),
    'export': ('export', 'main', 'files of what is trained: [FOLDER [PART…]]'),
    'case': ('case', 'main', 'what the training code makes of a prompt, for qi-golden: MODEL FOLDER [--width W] [--height H]'),
    'prompts': ('prompts', 'main', 'prompts nobody trained on, and what must be seen: FILE.jsonl [N [SEEN.txt]]'),
    'seen': ('seen', 'main', 'all captions that were trained on, and test prompts among them: FILE.txt'),
    'compare': ('compare', 'main', 'the networks against the original implementation: FOLDER of golden cases'),
}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in STAGES:
        print('./dev train STAGE …\n' + '\n'.join('  %-17s %s' % (name, what) for name, (_, _, what) in STAGES.items()), file=sys.stderr)
        sys.exit(2)
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    module, function, _ = STAGES[sys.argv.pop(1)]
    getattr(importlib.import_module(module), function)()


if __name__ == '__main__':
    main()
