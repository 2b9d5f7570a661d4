/* The sources of a page, byte for byte: see assets.h. The Makefile says where the files are. Both
 * gcc and clang assemble this, for any processor. */

.macro asset name, file
	.global asset_\name
	.global asset_\name\()_end
	.type asset_\name, %object
	.type asset_\name\()_end, %object
asset_\name:
	.incbin "\file"
asset_\name\()_end:
	.byte 0
	.size asset_\name, . - asset_\name - 1
	.size asset_\name\()_end, 1
.endm

	.section .rodata
	asset attention_html, "attention.html"
	asset attention_css, "attention.css"
	asset attention_js, "attention.js"

	.section .note.GNU-stack, "", %progbits
