"""What all tests share."""

from hypothesis import settings

# Two cores run tests, ffmpeg and Whisper at once, so a slow example says nothing.
settings.register_profile("reelay", deadline=None)
settings.load_profile("reelay")

pytest_plugins = ["tests.cluster", "tests.postgres"]
