"""The OpenAPI document against a real server: whatever it allows and more, no 5xx, and answers are as declared."""

from __future__ import annotations

import hypothesis
import pytest
import schemathesis
from _api import indexed_home
from _server import serving
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from eyebright.service import Settings, create_app

pytestmark = pytest.mark.slow
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# the stream of events never ends, and is tested elsewhere
schema = schemathesis.openapi.from_dict(create_app(Settings()).openapi()).exclude(path="/jobs/events")


@pytest.fixture(scope="module")
def server(tmp_path_factory, model_home, photos):
    home, pictures = indexed_home(tmp_path_factory.mktemp("shop"), model_home, photos)
    with serving(home, "--folder", str(pictures), "--rate", "10000", "--timeout", "30") as started:
        yield started
        assert started.process.poll() is None


@schema.parametrize()
@hypothesis.settings(
    max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(hypothesis.HealthCheck)
)
def test_nothing_breaks_the_server(case, server):
    response = case.call(base_url=server.address)
    case.validate_response(response, checks=CHECKS)
