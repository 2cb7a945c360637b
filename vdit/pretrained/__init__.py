"""Published DiT and Latte checkpoints: from their PyTorch names to a model, and back.

weights = read("DiT-XL-2-256x256.pt")  # .npz, .safetensors or .pt; PyTorch is not needed
model = from_torch(weights, kind="dit", num_heads=16)
output = model(x_BTHWC, t, y)

The names are those of the authors' codes or of Hugging Face diffusers, whichever are given.
"""

from vdit.pretrained.convert import from_torch, to_torch
from vdit.pretrained.model import Pretrained
from vdit.pretrained.readers import read

__all__ = ["Pretrained", "from_torch", "read", "to_torch"]
