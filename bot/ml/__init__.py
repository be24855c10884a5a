"""Machine learning as trading needs it: features, models as files, scores, phantoms. Training is research's."""
