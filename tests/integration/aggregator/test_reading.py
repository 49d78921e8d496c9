"""How the app's consumer reads."""

import asyncio

import pytest

from processors.aggregator.faust_parts import App


def test_only_committed_records_are_read(tmp_path: object) -> None:
    async def isolation() -> str:
        app = App("test", give_up=pytest.fail, broker="kafka://127.0.0.1:1", datadir=str(tmp_path))
        app.in_worker = True
        consumer = app.consumer._thread._create_worker_consumer(app.transport)
        return str(consumer._isolation_level)

    assert asyncio.run(isolation()) == "read_committed"
