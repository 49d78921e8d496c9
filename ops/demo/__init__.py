"""The demonstration clip, its script, the times of its sentences, and the program that makes them."""
