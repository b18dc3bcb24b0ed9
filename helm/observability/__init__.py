"""What operators watch: alert rules, dashboards, and what makes the dashboards."""
