"""What recommendation_tuning does itself, under the MWAA role: plan the points of a grid."""
