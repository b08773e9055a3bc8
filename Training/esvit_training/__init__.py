"""Self-supervised training of EsViT's Swin backbone on tiles of tissue, for esvitd. `scripts/train --help` runs it."""
