"""What comes back: outcomes of deliveries, reports to senders, bounces and complaints."""
