"""The ComfyUI that Packshot keeps: installed, started, watched and stopped."""
