// Package smalldisk gives tests a disk that they can fill. It is for Linux.
package smalldisk
