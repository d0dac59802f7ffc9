"""Resampling: images and sequences made larger or smaller."""
