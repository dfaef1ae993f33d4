"""Drawing: annotators, contact sheets, heat maps, HTML reports."""
