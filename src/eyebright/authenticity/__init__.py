"""Is this product genuine?"""
