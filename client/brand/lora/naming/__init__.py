"""How LoRA files name the layers of a model: every tool has its own names, and ComfyUI reads a part of them."""
