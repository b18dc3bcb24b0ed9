/*
What our scanner looks for in each content, unpacked and decoded.

meta:  kind  what a match means: malware, suspicious, executable, macro, encrypted, unscannable
       name  what people are told
file_name is the content's name in lower case, empty for message bodies: there, scripts are talk.
*/

rule eicar {
  meta:
    kind = "malware"
    name = "Eicar-Test-Signature"
  strings:
    // In hexadecimal, so that no scanner takes this file for the test file.
    $a = { 58 35 4F 21 50 25 40 41 50 5B 34 5C 50 5A 58 35 34 28 50 5E 29 37 43 43 29 37 7D 24
           45 49 43 41 52 2D 53 54 41 4E 44 41 52 44 2D 41 4E 54 49 56 49 52 55 53 2D 54 45 53 54
           2D 46 49 4C 45 21 24 48 2B 48 2A }
  condition:
    $a
}

// --- programs, by how they begin -----------------------------------------------------

rule pe {
  meta:
    kind = "executable"
    name = "Windows program (PE)"
  condition:
    uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x00004550
}

rule ne {
  meta:
    kind = "executable"
    name = "Windows program (NE, LE)"
  condition:
    uint16(0) == 0x5A4D and uint32(0x3C) > 0x3F
    and (uint16(uint32(0x3C)) == 0x454E or uint16(uint32(0x3C)) == 0x454C)
}

rule elf {
  meta:
    kind = "executable"
    name = "Linux program (ELF)"
  condition:
    uint32be(0) == 0x7F454C46 and (uint8(4) == 1 or uint8(4) == 2)
}

rule macho {
  meta:
    kind = "executable"
    name = "macOS program (Mach-O)"
  condition:
    uint32(0) == 0xFEEDFACE or uint32(0) == 0xFEEDFACF
    or uint32be(0) == 0xFEEDFACE or uint32be(0) == 0xFEEDFACF
    or (uint32be(0) == 0xCAFEBABE and uint32be(4) < 20)
}

rule java_class {
  meta:
    kind = "executable"
    name = "Java program (class)"
  condition:
    uint32be(0) == 0xCAFEBABE and uint32be(4) >= 45 and uint32be(4) < 200
}

rule dex {
  meta:
    kind = "executable"
    name = "Android program (DEX)"
  strings:
    $a = { 64 65 78 0A 30 33 ?? 00 }
  condition:
    $a at 0
}

rule lnk {
  meta:
    kind = "executable"
    name = "Windows shortcut (LNK)"
  strings:
    $a = { 4C 00 00 00 01 14 02 00 00 00 00 00 C0 00 00 00 00 00 00 46 }
  condition:
    $a at 0
}

rule chm {
  meta:
    kind = "executable"
    name = "compiled help (CHM)"
  condition:
    uint32be(0) == 0x49545346 and uint32(4) < 5
}

rule onenote {
  meta:
    kind = "executable"
    name = "OneNote section with whatever it holds"
  strings:
    $a = { E4 52 5C 7B 8C D8 A7 4D AE B1 53 78 D0 29 96 D3 }
  condition:
    $a at 0
}

rule disk_image {
  meta:
    kind = "executable"
    name = "disk image"
  strings:
    $iso = "CD001"
    $udf = /NSR0[23]/
    $vhdx = "vhdxfile"
    $vhd = "conectix"
    $dmg = "koly"
  condition:
    $iso at 0x8001 or $iso at 0x8801 or $iso at 0x9001
    or $udf at 0x8801 or $udf at 0x9001 or $udf at 0x9801
    or $vhdx at 0 or $vhd at 0 or $vhd at filesize - 512 or $dmg at filesize - 512
}

// --- scripts, by what they say ---------------------------------------------------------

rule encoded_script {
  meta:
    kind = "executable"
    name = "encoded script (JSE, VBE)"
  strings:
    $a = /#@~\^[A-Za-z0-9+\/]{6}==/
  condition:
    $a in (0..1024)
}

rule hta {
  meta:
    kind = "executable"
    name = "HTML application (HTA)"
  strings:
    $a = "<hta:application" nocase
  condition:
    file_name != "" and $a
}

rule windows_script {
  meta:
    kind = "executable"
    name = "script for Windows"
  strings:
    $job = /<job[\s>]/ nocase
    $script = /<script\s+language/ nocase
    $batch = /(\xEF\xBB\xBF)?\s{0,16}@echo\s+off/ nocase
    $active = /new\s+ActiveXObject\s*\(\s*['"](WScript|Shell|MSXML2|ADODB|Scripting)\./ nocase
    $create = /CreateObject\s*\(\s*['"](WScript|Shell|MSXML2|ADODB|Scripting)\./ nocase
    $power = /powershell(\.exe)?['"]?\s.{0,200}-(e|ec|enc|encodedcommand)\s/ nocase
    $download = /\.(DownloadString|DownloadFile|DownloadData)\s*\(/ nocase
    $run = /(Invoke-Expression|\bIEX\b)/ nocase
  condition:
    file_name != "" and not file_name endswith ".eml" and filesize < 2MB
    and (($job and $script) or $batch at 0 or $active or $create or $power
         or ($download and $run))
}

// --- made to run by itself, or to deceive ----------------------------------------------

rule html_smuggling {
  meta:
    kind = "suspicious"
    name = "HTML that builds a file to be downloaded"
  strings:
    $html = /<(!doctype|html|head|body|script|svg|meta|a|div)[\s>]/ nocase
    $script = /<script[\s>]/ nocase
    $url = "createObjectURL" nocase
    $save = /msSave(OrOpen)?Blob/ nocase
    $blob = /new\s+(Blob|File)\s*\(/ nocase
    $decode = /\batob\s*\(|fromCharCode|charCodeAt|Uint8Array/ nocase
    $download = /\.download\s*=|['"]download['"]/ nocase
    $click = /\.click\s*\(/ nocase
    $data = /data:application\/[\w.+-]{1,60};base64,/ nocase
  condition:
    file_name != "" and $html in (0..4096) and $script
    and (
      (($url or $save) and $blob and $decode and ($save or $download or $click))
      or ($data and $download and $click)
    )
}

rule svg_script {
  meta:
    kind = "suspicious"
    name = "picture (SVG) with a script"
  strings:
    $svg = /<svg[\s>]/ nocase
    $html = /<(html|body)[\s>]/ nocase
    $script = /<script[\s>]/ nocase
  condition:
    file_name != "" and $svg in (0..4096) and $script and not $html
}

rule rtf_object {
  meta:
    kind = "suspicious"
    name = "RTF with an object that runs"
  strings:
    $rtf = "{\\rt"
    $update = "\\objupdate"
    $data = "\\objdata"
    $equation = /4\s?5\s?7\s?1\s?7\s?5\s?6\s?1\s?7\s?4\s?6\s?9\s?6\s?f\s?6\s?e/ nocase
  condition:
    $rtf in (0..64) and ($update or ($data and $equation))
}

rule remote_template {
  meta:
    kind = "suspicious"
    name = "document that loads its template or an object from elsewhere"
  strings:
    $relationships = "<Relationships"
    $kind = /Type\s*=\s*['"][^'"]{1,200}\/(attachedTemplate|oleObject|frame|externalLinkPath\/mhtml)['"]/
    $external = /Target\s*=\s*['"](https?|mhtml|ftp|file|\\\\)[^'"]{0,500}['"][^>]{0,200}TargetMode\s*=\s*['"]External/
    $external2 = /TargetMode\s*=\s*['"]External['"][^>]{0,200}Target\s*=\s*['"](https?|mhtml|ftp|\\\\)/
  condition:
    $relationships in (0..512) and $kind and ($external or $external2)
}

rule dde {
  meta:
    kind = "suspicious"
    name = "document that starts a program (DDE)"
  strings:
    $word = /<w:instrText[^>]{0,100}>\s{0,20}DDE(AUTO)?\s/ nocase
    $excel = /<ddeLink\s[^>]{0,300}ddeService\s*=\s*['"](cmd|powershell|mshta|rundll32|msexcel)/ nocase
  condition:
    $word or $excel
}

rule protocol_handler {
  meta:
    kind = "suspicious"
    name = "link that starts a program"
  strings:
    $a = /['"](ms-msdt|search-ms):[^'"]{1,2000}/ nocase
  condition:
    file_name != "" and not file_name endswith ".eml" and $a
}

// --- code in documents -----------------------------------------------------------------

rule macro_sheet {
  meta:
    kind = "macro"
    name = "macro sheet (Excel 4.0)"
  strings:
    $a = "<xm:macrosheet"
  condition:
    $a in (0..2048)
}

// --- what can't be looked into ---------------------------------------------------------

rule opendocument_encrypted {
  meta:
    kind = "encrypted"
    name = "document with a password"
  strings:
    $manifest = "<manifest:manifest"
    $encrypted = "<manifest:encryption-data"
  condition:
    $manifest in (0..1024) and $encrypted
}
