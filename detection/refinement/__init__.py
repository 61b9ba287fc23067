"""Refinement of detections: box edges at isophotes, scores by the light profile."""
