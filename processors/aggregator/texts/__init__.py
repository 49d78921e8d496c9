"""What a video's pieces say, as documents: transcript, captions, chapters, summary, timeline. Functions
without side effects."""
