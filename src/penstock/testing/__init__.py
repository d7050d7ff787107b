"""For the tests of people who use Penstock.

from penstock.testing import harness

@pytest.fixture(scope="session", autouse=True)
def server():
    with harness():
        yield

`penstock.testing.infrastructure` is for those who write drivers.
"""

import sys

from penstock.testing.harness import harness

__all__ = ["harness"]

if "pytest" in sys.modules:  # its failures then show the values, as they do in a user's own files
    sys.modules["pytest"].register_assert_rewrite("penstock.testing.infrastructure")
