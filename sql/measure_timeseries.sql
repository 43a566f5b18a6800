SELECT * FROM error_aggregates
