"""The contracts: the Avro schemas (`avro/*.avsc`, the truth), a dataclass each, the codec, topics."""
