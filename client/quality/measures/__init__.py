"""The checks that ship. Importing this package registers all of them, in the order in which reports show them."""

# ruff: noqa: F401, I001
from . import file
from . import size
from . import technical
from . import background
from . import product
from . import fidelity
from . import palette
from . import distribution
from . import logo
from . import text
from . import catalogue
