"""Detect, classify and plot the galaxies of a field, as in a notebook."""

import matplotlib.pyplot as plt

import galpipe
from galpipe.imaging import to_rgb

path = f"{galpipe.__path__[0]}/pipeline/demonstration/demonstration.fits.fz"
field = galpipe.read_field(path)
detector, classifier = galpipe.load_detector(), galpipe.load_classifier()
found = detector.detect(field)
probabilities = classifier.classify(field, found.boxes)
plt.imshow(to_rgb(field, detector.stretch), origin=field.origin)
for (x, y, right, top), best in zip(found.boxes - 0.5, probabilities.argmax(axis=1), strict=True):
    plt.gca().add_patch(plt.Rectangle((x, y), right - x, top - y, fill=False, color="w"))
    plt.text(x, top, classifier.class_names[best], color="w", size=6)
plt.savefig("galaxies.png")
