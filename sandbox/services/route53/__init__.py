"""Route 53: hosted zones, records, health checks. Kept under the region `global`; names are not served by DNS."""
