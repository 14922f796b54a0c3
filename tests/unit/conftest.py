"""Settings of the property tests."""

from hypothesis import settings

# Tests assert no times: a slow machine is no fault.
settings.register_profile("packshot", deadline=None)
settings.load_profile("packshot")
