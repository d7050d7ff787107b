"""For the tests of people who use Penstock.

from penstock.testing import harness

@pytest.fixture(scope="session", autouse=True)
def server():
    with harness():
        yield
"""

from penstock.testing.harness import harness

__all__ = ["harness"]
