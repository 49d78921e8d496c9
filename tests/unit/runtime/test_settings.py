import pytest

from connectors.settings import Connections
from processors.runtime.settings import RuntimeSettings, SettingsError, read_settings


def test_a_wrong_value_is_told_by_variable_value_and_what_was_expected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REELAY_RUNTIME_WORKERS", "many")
    with pytest.raises(SettingsError) as caught:
        read_settings(RuntimeSettings)
    said = str(caught.value)
    assert said.startswith("REELAY_RUNTIME_WORKERS='many': ")
    assert "integer" in said
    assert "worker processes" in said
    assert "\n" not in said


def test_a_missing_value_is_told_by_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELAY_KAFKA_BROKERS", raising=False)
    with pytest.raises(SettingsError, match="REELAY_KAFKA_BROKERS is not set"):
        read_settings(Connections)


def test_every_setting_is_explained() -> None:
    assert all(field.description for field in RuntimeSettings.model_fields.values())
