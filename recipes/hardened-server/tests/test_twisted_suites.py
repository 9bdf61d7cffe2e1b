"""Twisted's own transport tests over our endpoint, on each reactor."""

from __future__ import annotations

import pytest
import twisted_suites

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::UserWarning")

for _suite in (twisted_suites.ConnectionSuite, twisted_suites.AbortSuite, twisted_suites.ExchangedAbortSuite, twisted_suites.ExchangedClientSuite):
    for _name, _case in _suite.makeTestCaseClasses().items():
        _case.pytestmark = pytestmark
        globals()[_name] = _case

del _case
