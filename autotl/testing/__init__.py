"""Conformance suites: what every part must do, for built-ins and strangers alike.

In a plugin's tests, one class for each part is enough:

    import pytest
    from autotl.testing import HeadSuite

    class TestMyHead(HeadSuite):
        @pytest.fixture
        def part(self):
            return MyHead()

The same checks run without pytest in `autotl plugins check NAME|FILE`, and from Python by `run(part)`.
"""

from autotl.testing.checks import CheckResult, run
from autotl.testing.suites import AugmentationSuite, BackboneSuite, ExporterSuite, HeadSuite

__all__ = ["AugmentationSuite", "BackboneSuite", "CheckResult", "ExporterSuite", "HeadSuite", "run"]
