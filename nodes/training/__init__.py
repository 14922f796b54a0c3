"""LoRA training inside ComfyUI."""
