"""The transfer room: cuts of a backbone, the feature store, and networks assembled from both."""
