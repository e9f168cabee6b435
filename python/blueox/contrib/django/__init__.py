"""Django: see blueox.contrib.django.middleware."""
