"""Workflows as data: the canvas file, its conversion to what the host runs, and its contract."""

from .contract import Contract, InputSpec
from .workflow import PreparedWorkflow, Workflow

__all__ = ["Contract", "InputSpec", "PreparedWorkflow", "Workflow"]
