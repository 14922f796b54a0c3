"""LoRA files: what they hold, what they change, and tools that write new ones. No torch.

Arithmetic follows ComfyUI, which is where the files are used: a layer's change is scaled by its alpha tensor divided by
its rank, and by 1 where the file has no such tensor.
"""
