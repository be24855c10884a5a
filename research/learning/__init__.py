"""Learning: labels, data sets, folds, training, doubt, tuning. Its models are files that the bot only reads."""
