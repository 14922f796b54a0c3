"""Image checks: what is measured of a picture, how, and whether a channel, a brand or an original allows it.

:func:`.check_image.check_image` is the way in. A measure is registered with :func:`.checks.measure`, so that
one of the user's own, such as a similarity by a model's embeddings, takes part in the same runs and reports as those
that ship.
"""
