"""A custom node file for a host: it behaves like a card that holds one model at a time.

Whatever core is about to load, everything else is unloaded first. Core then logs "Requested to load" for each time
that a model has to be brought in, which is what is counted.
"""

from typing import Any

import comfy.model_management

NODE_CLASS_MAPPINGS: dict[str, type] = {}

_load = comfy.model_management.load_models_gpu


def _load_alone(models: Any, *args: Any, **kwargs: Any) -> Any:
    wanted = {id(model.model) for model in models}
    if any(id(loaded.model.model) not in wanted for loaded in comfy.model_management.current_loaded_models):
        comfy.model_management.unload_all_models()
    return _load(models, *args, **kwargs)


comfy.model_management.load_models_gpu = _load_alone
