"""Deterministic compositing: the product's own pixels on a background, logos and set text in exact colours.

Pictures are numpy arrays, float32 in 0..1, sRGB as it is encoded (not linear light): ``[height, width, 3]``, and masks
``[height, width]``, where 1 is the product. Nothing here is random, and nothing needs torch.
"""
