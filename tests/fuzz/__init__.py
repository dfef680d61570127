"""Coverage-guided fuzzing of whatever reads text from outside: `make fuzz TARGET=... SECONDS=...`.

`targets` holds what must be true of any input, `mutate` how JSON is changed, `found` the inputs that once broke
something. The seeds and the found cases run with the ordinary tests; the search itself needs atheris, which exists for
Linux on x86-64 alone and is therefore no part of the development lock.
"""
