"""The pages residents see: report, track. Plain HTML that needs no script."""
