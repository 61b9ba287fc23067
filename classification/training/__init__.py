"""Training of classifiers with Keras (needs the ``train`` extra)."""
