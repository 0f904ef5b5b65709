"""Public results: many bundles, each verified, as a static site."""
