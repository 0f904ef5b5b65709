"""Tests of certificates, and the bundles that they share."""
