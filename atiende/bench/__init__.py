"""An invented history of any size, to measure with: skewed as a real city's is. The demo's small one is in `atiende.demo`."""
