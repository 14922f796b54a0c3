"""Settings of the property tests."""

import os

from hypothesis import settings

# Tests assert no times: a slow machine is no fault. CI tries the same cases each time, so that what it says is about
# the change; everywhere else they are new ones each time.
settings.register_profile("packshot", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("packshot")
